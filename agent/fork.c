/*
 * Fork. See fork.h.
 */
#include "agent/fork.h"
#include "agent/blockmap.h"
#include "agent/blockwalk.h"
#include "agent/callsite.h"
#include "agent/link.h"
#include "agent/memory.h"
#include "agent/process.h"
#include "agent/sums.h"
#include "agent/sys.h"
#include "agent/thread.h"
#include <sched.h>
#include <string.h>

#define SPINS 200000

static struct sums sums; /* at the last prepare */
static bool valid;	 /* sums are of the fork in progress */
static bool several;	 /* other threads may have gone on after prepare */
static int lock;

static void take_sums(void)
{
	valid = false;
	if (!sums_take(&sums))
		return;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	valid = true;
}

bool fork_is(long number, long flags)
{
	return number == SYS_fork || (number == SYS_clone && !(flags & CLONE_VM));
}

void fork_prepare(void)
{
	if (!store || process_epoch() < EPOCH_FIRST)
		return;
	blockmap_prefork();
	/* Two threads may fork at once; one that waits too long does without the sums. */
	for (int i = 0; __atomic_exchange_n(&lock, 1, __ATOMIC_ACQUIRE); i++) {
		if (i == SPINS)
			return;
		cpu_relax();
	}
	several = shards_count() > 1;
	take_sums();
}

void fork_parent(void)
{
	/* A child that forks before it has begun: to its own children, too, the sums are those of its birth. */
	if (process_epoch() < EPOCH_FIRST)
		return;
	valid = false;
	__atomic_store_n(&lock, 0, __ATOMIC_RELEASE);
}

void fork_child(void)
{
	__atomic_store_n(&lock, 0, __ATOMIC_RELEASE);
	if (store)
		link_postfork_child();
}

struct live {
	uint64_t *blocks, *bytes;
	uint32_t n;
};

static void count_live(void *context, uint32_t callsite, uint8_t birth, uint32_t n, uint64_t bytes)
{
	struct live *live = context;

	(void)birth;
	if (callsite >= live->n)
		return;
	live->blocks[callsite] += n;
	live->bytes[callsite] += bytes;
}

/* Makes the sums agree with the blocks that are there. */
static bool sums_from_map(void)
{
	size_t size = sums.n * sizeof(uint64_t);
	struct region_cell *cells = sums.cells.base;
	struct live live = {memory_map(size), memory_map(size), sums.n};

	if (!live.blocks || !live.bytes)
		return false;
	blockwalk_all(count_live, &live);
	for (uint32_t i = 1; i < sums.n; i++) {
		struct region_cell *s = &cells[i];

		if (s->allocated_blocks < live.blocks[i])
			s->allocated_blocks = live.blocks[i];
		if (s->allocated_bytes < live.bytes[i])
			s->allocated_bytes = live.bytes[i];
		s->freed_blocks = s->allocated_blocks - live.blocks[i];
		s->freed_bytes = s->allocated_bytes - live.bytes[i];
	}
	memory_unmap(live.blocks, size);
	memory_unmap(live.bytes, size);
	return true;
}

/* The first record of each group of callsites gets the sums, further ones begin at zero. */
static void write_counters(uint8_t *done)
{
	const struct region_cell *cells = sums_cells(&sums);
	struct region_view view = store_view();
	const struct region_record *record;
	uint64_t offset = 0;

	while ((record = region_next(&view, &offset))) {
		struct region_counters *c = (struct region_counters *)record;
		uint32_t group;

		if (record->kind != REGION_COUNTERS)
			continue;
		group = c->first_callsite / REGION_CELLS;
		memset(c->cells, 0, sizeof(c->cells));
		if (c->first_callsite >= sums.n || done[group])
			continue;
		done[group] = 1;
		for (uint32_t i = 0; i < REGION_CELLS && c->first_callsite + i < sums.n; i++)
			c->cells[i] = cells[c->first_callsite + i];
	}
}

static void shard_reset(struct shard *shard)
{
	shard->live = 0;
	shard->ceiling = 0;
}

bool fork_inherit(void)
{
	bool estimated = !valid;
	uint32_t groups;
	uint64_t live = 0;
	uint8_t *done;

	lock = 0;
	if (estimated) {
		sums_postfork_child(&sums);
		take_sums();
		process_lost(LOST_INHERITED);
	}
	if (!valid || ((estimated || several) && !sums_from_map()))
		return false;
	valid = false;
	groups = sums.n / REGION_CELLS + 1;
	done = memory_map(groups);
	if (!done)
		return false;
	write_counters(done);
	memory_unmap(done, groups);
	for (uint32_t i = 1; i < sums.n; i++)
		live += sums_cells(&sums)[i].allocated_bytes - sums_cells(&sums)[i].freed_bytes;
	shards_each(shard_reset);
	if (thread.shard != &shard_nobody)
		thread.shard->live = live;
	store->agent.peak_live_bytes = live;
	return true;
}
