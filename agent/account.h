/*
 * Accounting -- what a hook does beside passing the call on: the inlined fast path.
 *
 * An allocation: recognise the stack (stack.h), write the block's word (blockmap.h), add to two
 * counters of the callsite and to the thread's live bytes. A free: take the word out, add to two
 * counters. No lock, no system call, no cache line that another thread writes. Everything rare
 * (see process.h's epoch) goes to a cold function.
 *
 * Order across threads: a block's word is taken out before the real free, and in realloc before
 * the real realloc, which may hand the address to another thread; on failure it is put back.
 */
#pragma once
#include "agent/blockmap.h"
#include "agent/stack.h"

/* What is known of a block that leaves: 0 when nothing. */
struct taken {
	uint64_t word, size;
};

guard_cold void account_alloc_slow(uintptr_t block, uint64_t size, const struct frame *frame);
guard_cold struct taken account_take_slow(uintptr_t block, const struct frame *frame);
guard_cold void account_freed_slow(struct taken taken, uintptr_t block, const struct frame *frame);
/* The block is still there after all: realloc failed. */
guard_cold void account_put_back(struct taken taken, uintptr_t block);
/* The word that was where a new block begins, or in the way: its free was not seen. */
guard_cold void account_stale(uintptr_t block, uint64_t *slot);
/* The countdown has ended: look at the clock, maybe start the sampler thread. */
guard_cold void account_tick(struct shard *shard, const struct frame *frame);

guard_inline void account_alloc(void *p, size_t size, const struct frame *frame)
{
	uintptr_t block = (uintptr_t)p;
	const struct stack_entry *e;
	struct shard *shard = thread.shard;
	uint64_t *slot;

	if (unlikely(thread.epoch != process_epoch()) || unlikely(!(e = stack_lookup(shard, frame))) ||
	    unlikely(!(slot = blockmap_slot(block, size))) || unlikely(*slot) || unlikely(size >= BLOCK_SIZE_ASIDE) ||
	    (size >= LARGE_SIZE && unlikely(blockmap_find(block)))) {
		account_alloc_slow(block, size, frame);
		return;
	}
	*slot = blockmap_word(e->word, block, size);
	counter_add(&e->cell->allocated_blocks, 1);
	counter_add(&e->cell->allocated_bytes, size);
	counter_add(&shard->live, size);
	if (unlikely((int64_t)shard->live > (int64_t)shard->ceiling))
		shard_peak(shard);
	if (unlikely(--shard->countdown == 0))
		account_tick(shard, frame);
}

/* The block is about to go: takes its word out of the map. */
guard_inline struct taken account_take(void *p, const struct frame *frame)
{
	struct taken taken = {0, 0};
	uint64_t *slot;

	if (unlikely(thread.epoch != process_epoch()) || unlikely(!(slot = blockmap_find((uintptr_t)p))))
		return account_take_slow((uintptr_t)p, frame);
	taken.word = *slot;
	taken.size = BLOCK_SIZE(taken.word);
	if (unlikely(taken.size == BLOCK_SIZE_ASIDE))
		return account_take_slow((uintptr_t)p, frame);
	*slot = 0;
	return taken;
}

/* It has gone, or is sure to. */
guard_inline void account_freed(struct taken taken, void *p, const struct frame *frame)
{
	struct shard *shard = thread.shard;
	struct region_cell *cell;

	if (unlikely(!taken.word))
		return;
	if (unlikely(!shard) || unlikely(BLOCK_EPOCH(taken.word) == EPOCH_LOADER) ||
	    unlikely(!(cell = shard_cell(shard, BLOCK_CALLSITE(taken.word))))) {
		account_freed_slow(taken, (uintptr_t)p, frame);
		return;
	}
	counter_add(&cell->freed_blocks, 1);
	counter_add(&cell->freed_bytes, taken.size);
	counter_sub(&shard->live, taken.size);
}
