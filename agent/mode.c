/*
 * Modes. See mode.h.
 */
#include "agent/mode.h"
#include "agent/callsite.h"
#include "agent/census.h"
#include "agent/gap.h"
#include "agent/governor.h"
#include "agent/memory.h"
#include "agent/stack.h"
#include "protocol/sampling.h"

#define NEVER (INT64_MAX / 4)
#define LOOK_BYTES 64u	      /* taken for an allocation, where bytes are counted and not blocks */
#define LOOKS_MOST (1u << 20) /* a countdown beyond this has no end */

static uint32_t kind; /* enum agent_mode; atomic, as what follows */
static uint64_t mean;
static uint32_t asked_kind; /* by the options; what is in effect may be less */
static uint64_t asked_mean;

uint32_t mode_now(void)
{
	return __atomic_load_n(&kind, __ATOMIC_RELAXED);
}

static void enter(uint32_t mode, uint64_t sample_bytes)
{
	__atomic_store_n(&mean, sample_bytes, __ATOMIC_RELAXED);
	__atomic_store_n(&kind, mode, __ATOMIC_RELAXED);
	store->agent.mode = (uint8_t)mode;
	store->agent.modes |= 1u << mode;
	store->agent.sample_bytes = sample_bytes;
	if (mode != MODE_EXACT)
		process_lost(LOST_MODE);
}

void mode_init(void)
{
	asked_kind = options.mode;
	asked_mean = options.sample_bytes;
	if (asked_kind == MODE_SAMPLED)
		census_begin();
	enter(asked_kind, asked_mean);
}

bool mode_configure(void)
{
	if (options.mode == asked_kind && options.sample_bytes == asked_mean)
		return false;
	asked_kind = options.mode;
	asked_mean = options.sample_bytes;
	mode_set(asked_kind, asked_mean);
	return true;
}

void mode_set(uint32_t mode, uint64_t sample_bytes)
{
	if (mode == MODE_EXACT || mode == MODE_COUNTS)
		census_end();
	enter(mode, sample_bytes);
	process_epoch_advance();
	shards_each(stack_disown);
}

static uint32_t bare_callsite(void)
{
	return callsite_intern(NULL, 0, STACK_NONE, 0);
}

void mode_thread_dormant(void)
{
	thread.epoch = EPOCH_DORMANT;
	thread.until = NEVER;
	thread.partial = true;
}

static int64_t gap(struct shard *shard)
{
	return thread.mode == MODE_SAMPLED ? gap_next(&shard->random, thread.sample_bytes) - 1 : NEVER;
}

void mode_next_stop(struct shard *shard)
{
	int64_t left = thread.until + thread.rest, look = NEVER;

	if (shard->countdown < LOOKS_MOST)
		look = (int64_t)shard->countdown * LOOK_BYTES;
	thread.until = left < look ? left : look;
	thread.rest = left - thread.until;
}

/* The entry that all stacks share in mode counts. */
static struct stack_entry *bare_entry(struct shard *shard)
{
	uint32_t id = bare_callsite();
	struct region_cell *cell = id ? shard_cell_new(shard, id) : NULL;
	struct stack_entry *e = shard->bare ? shard->bare : memory_take(sizeof(*e));

	if (!cell || !e)
		return NULL;
	e->word = id;
	e->cell = cell;
	return e;
}

void mode_thread(struct shard *shard)
{
	thread.mode = mode_now();
	thread.sample_bytes = __atomic_load_n(&mean, __ATOMIC_RELAXED);
	thread.partial = store->agent.modes & (1u << MODE_SAMPLED | 1u << MODE_OFF);
	thread.until = thread.rest = 0;
	thread.timed = thread.mode == MODE_SAMPLED && options.overhead_budget > 0;
	if (options.overhead_budget > 0 && shard->countdown > TIMED_EVERY)
		shard->countdown = TIMED_EVERY;
	if (thread.mode == MODE_EXACT)
		return;
	stack_disown(shard);
	if (thread.mode == MODE_COUNTS) {
		shard->bare = bare_entry(shard);
		return;
	}
	/* A child must not go on with its parent's numbers, nor all threads with the same. */
	shard->random += store->stream * (2 * shard->id + 1);
	thread.until = gap(shard);
	mode_next_stop(shard);
}

bool mode_meets(struct shard *shard, uint64_t size, struct wire_sampling *sampling)
{
	int64_t to_point = thread.until + thread.rest + 1, length = (int64_t)size + 1;

	thread.rest = 0;
	if (to_point > length) {
		/* A stop to look at the clock. */
		thread.until = to_point - length - 1;
		if (shard->countdown < LOOKS_MOST)
			shard_countdown(shard, 1);
		return false;
	}
	*sampling = (struct wire_sampling){.sample_bytes = thread.sample_bytes, .class = sampling_class(size)};
	thread.until = gap(shard);
	return thread.mode == MODE_SAMPLED && to_point <= (int64_t)sampling_class_bytes(sampling->class);
}
