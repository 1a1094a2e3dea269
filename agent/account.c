/*
 * Accounting's cold side. See account.h.
 */
#include "agent/account.h"
#include "agent/callsite.h"
#include "agent/lifecycle.h"
#include "agent/modules.h"
#include "agent/sampler.h"
#include <errno.h>

static void backtrace_init(struct backtrace *b, const struct shard *shard, bool nested)
{
	uint64_t *scratch = shard->scratch[nested];

	*b = (struct backtrace){.frames = scratch, .words = scratch + options.depth};
}

/* Writes the block's word wherever its size wants it. */
static void map_block(uintptr_t block, uint64_t size, uint64_t word)
{
	uint64_t *slot = blockmap_slot_new(block, size);

	if (!slot)
		return;
	if (unlikely(blockmap_find(block) || *slot))
		account_stale(block, slot);
	if (size >= BLOCK_SIZE_ASIDE && !blockmap_huge_put(block, size))
		return;
	*slot = blockmap_word(word, block, size);
}

static void count_alloc(struct shard *shard, struct region_cell *cell, uint64_t size)
{
	counter_add(&cell->allocated_blocks, 1);
	counter_add(&cell->allocated_bytes, size);
	counter_add(&shard->live, size);
	if ((int64_t)shard->live > (int64_t)shard->ceiling)
		shard_peak(shard);
}

guard_cold void account_alloc_slow(uintptr_t block, uint64_t size, const struct frame *frame)
{
	int saved = errno;
	struct region_cell *cell;
	struct backtrace b;
	struct shard *shard;
	uint32_t was, id;
	uint64_t word;

	if (!thread_enter(frame, &was))
		return;
	shard = thread.shard;
	backtrace_init(&b, shard, was != BUSY_NO);
	stack_step(&b, frame, was == BUSY_NO);
	id = callsite_intern(b.frames, b.n_frames, b.flags);
	cell = id ? shard_cell(shard, id) : NULL;
	if (cell) {
		word = id | (b.from_loader ? (uint64_t)EPOCH_LOADER << 24 : 0);
		map_block(block, size, word);
		count_alloc(shard, cell, size);
		if (was == BUSY_NO)
			stack_remember(shard, frame, &b, word, cell);
	}
	thread_leave(was);
	if (was == BUSY_NO && --shard->countdown == 0)
		account_tick(shard, frame);
	errno = saved;
}

guard_cold struct taken account_take_slow(uintptr_t block, const struct frame *frame)
{
	int saved = errno;
	struct taken taken = {0, 0};
	uint64_t *slot;
	uint32_t was;

	if (!thread_enter(frame, &was))
		return taken;
	slot = blockmap_find(block);
	if (!slot && blockmap_tiny)
		slot = blockmap_find_tiny(block);
	if (slot) {
		taken.word = *slot;
		taken.size = BLOCK_SIZE(taken.word);
		if (taken.size == BLOCK_SIZE_ASIDE)
			taken.size = blockmap_huge_take(block);
		*slot = 0;
	} else {
		__atomic_fetch_add(&store->agent.unknown_frees, 1, __ATOMIC_RELAXED);
	}
	thread_leave(was);
	errno = saved;
	return taken;
}

guard_cold void account_freed_slow(struct taken taken, uintptr_t block, const struct frame *frame)
{
	int saved = errno;
	struct region_cell *cell;
	uint32_t was;

	if (!thread_enter(frame, &was))
		return;
	cell = shard_cell(thread.shard, BLOCK_CALLSITE(taken.word));
	if (cell) {
		counter_add(&cell->freed_blocks, 1);
		counter_add(&cell->freed_bytes, taken.size);
		counter_sub(&thread.shard->live, taken.size);
	}
	if (BLOCK_EPOCH(taken.word) == EPOCH_LOADER && was == BUSY_NO)
		modules_freed((const void *)block);
	thread_leave(was);
	errno = saved;
}

guard_cold void account_put_back(struct taken taken, uintptr_t block)
{
	if (taken.word)
		map_block(block, taken.size, taken.word & UINT64_C(0xffffffff));
}

guard_cold void account_stale(uintptr_t block, uint64_t *slot)
{
	uint64_t word, size;
	struct region_cell *cell;

	while ((word = blockmap_stale(block, slot))) {
		size = BLOCK_SIZE(word) == BLOCK_SIZE_ASIDE ? blockmap_huge_take(block) : BLOCK_SIZE(word);
		cell = shard_cell(thread.shard, BLOCK_CALLSITE(word));
		if (cell) {
			counter_add(&cell->freed_blocks, 1);
			counter_add(&cell->freed_bytes, size);
			counter_sub(&thread.shard->live, size);
		}
	}
}

guard_cold void account_tick(struct shard *shard, const struct frame *frame)
{
	int saved = errno;
	uint32_t was;

	if (!thread_enter(frame, &was)) {
		shard->countdown = 1;
		return;
	}
	shard->countdown = 1;
	if (was == BUSY_NO && lifecycle_is_whole()) {
		sampler_consider(shard, frame);
	} else if (was == BUSY_NO) {
		thread.busy = BUSY_AGENT;
		lifecycle_begin(frame);
	}
	thread_leave(was);
	errno = saved;
}
