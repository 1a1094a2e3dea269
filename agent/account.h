/*
 * Accounting -- what a hook does beside passing the call on: the inlined fast path.
 *
 * An allocation: recognise the stack (stack.h), write the block's word (blockmap.h), add to two
 * counters of the callsite and to the thread's live bytes. A free: take the word out, add to two
 * counters. No lock, no system call, no cache line that another thread writes. Everything rare
 * (see process.h's epoch) goes to a cold function. The modes other than exact have a second path: there the thread's
 * table of stacks is empty (account_alloc_further), a block between two points of the sample passes before it is
 * allocated (account_may_pass), and one that has no word after a look at a byte (census.h).
 *
 * Order across threads: a block's word is taken out before the real free, and in realloc before
 * the real realloc, which may hand the address to another thread; on failure it is put back.
 */
#pragma once
#include "agent/blockmap.h"
#include "agent/census.h"
#include "agent/modules.h"
#include "agent/stack.h"

/*
 * Where a hook was called from is told by sp alone, the stack pointer behind the call: below it stand
 * the return address and the caller's rbp (STACK_BASE).
 *
 * The cold functions that end a hook return what the hook returns, so that they are tail calls and the
 * fast path keeps nothing across them.
 */
guard_cold void *account_alloc_slow(void *p, uint64_t size, uintptr_t sp, uint64_t from);
/* account_may_pass, but it is allocated. */
void *account_alloc_between(void *p, uint64_t size, uintptr_t sp, uint64_t from);
/*
 * The stack does not stand first in its leaf's slot: it is further on from where stack_lookup_first ended, or not
 * remembered, which is for another mode's fast path or the slow one.
 */
void *account_alloc_further(void *p, uint64_t size, uintptr_t sp, uint64_t from, uint64_t key, uintptr_t slot);
/* Counted; but there is a new peak, or the countdown has ended: look at the clock, maybe start the sampler. */
guard_cold void *account_alloc_more(void *p, struct shard *shard, uintptr_t sp);
/* Counts the free, and frees. slot: the block's word in the map; NULL: it has none. */
void account_free_other(void *p, uintptr_t sp, const uint64_t *slot);

/* A block whose word is out of the map and whose fate is not known yet. */
struct taken {
	uint64_t word, size;
};
guard_cold struct taken account_take_slow(uintptr_t block, uintptr_t sp);
guard_cold void account_taken_slow(struct taken taken, uintptr_t block, uintptr_t sp);
/* It is still there after all: realloc failed. */
guard_cold void account_put_back(struct taken taken, uintptr_t block);

/*
 * The birth of a new block, in its word's place. A block that realloc made of one of the same callsite (its word is
 * `from`, else 0) is as old as that: buffers that grow are no new ones.
 */
guard_inline uint64_t account_birth(uint64_t word, uint64_t from)
{
	return from && BLOCK_CALLSITE(word ^ from) == 0 ? from & BLOCK_EPOCH_MASK
							: __atomic_load_n(&blockmap_now.birth, __ATOMIC_RELAXED);
}

/* Counts a block of the entry's callsite. Returns p. */
guard_inline void *account_count_alloc(void *p, size_t size, uintptr_t sp, struct shard *shard,
				       const struct stack_entry *e, uint64_t from)
{
	uintptr_t block = (uintptr_t)p;
	uint64_t *slot = blockmap_slot(block, size);
	struct region_cell *cell = e->cell;

	if (unlikely(!slot) || unlikely(blockmap_stands(slot)) ||
	    (size >= LARGE_SIZE && (unlikely(size >= BLOCK_SIZE_ASIDE) || unlikely(blockmap_find(block)))))
		return account_alloc_slow(p, size, sp, from);
	blockmap_put(slot, blockmap_word(e->word, block, size) | account_birth(e->word, from));
	counter_add(&cell->allocated_blocks, 1);
	counter_add(&cell->allocated_bytes, size);
	counter_add(&shard->live, size);
	if ((unlikely((int64_t)shard->live > (int64_t)shard->ceiling) && !shard_peak_alone(shard)) ||
	    unlikely(--shard->countdown == 0))
		return account_alloc_more(p, shard, sp);
	return p;
}

/*
 * Modes sampled and off, before the real call: if the block lies between two points of the sample, the countdown is all
 * there is to do, and the hook need not see what is allocated. Should that fail, the countdown has gone on: a sample
 * without memory does not notice. Both have to hold: a block of which the first says no is account_alloc_met's, and
 * one of which the second does account_alloc_slow's. Cost: some 20 instructions.
 */
guard_inline bool account_may_pass(uint64_t size)
{
	return unlikely((uint64_t)thread_until() > size);
}

/* Nothing has changed since the thread's last slow way, and the block is none of the loader's: those always count. */
guard_inline bool account_is_settled(uintptr_t ra)
{
	return likely(thread.epoch == process_epoch()) && likely(!module_is_loader_code(ra));
}

guard_inline bool account_passes(uint64_t size, uintptr_t ra)
{
	if (unlikely(!account_is_settled(ra)))
		return false;
	thread.until -= (int64_t)size + 1;
	/* Else a signal handler has allocated since account_may_pass. */
	return likely(thread.until >= 0);
}

/* Returns p. Cost: some 60 instructions, and 6 for each word of the stack that is checked. */
guard_inline void *account_alloc_met(void *p, size_t size, uintptr_t sp, uint64_t from)
{
	struct shard *shard = thread.shard;
	const struct stack_entry *e;
	uintptr_t slot;
	uint64_t key;

	e = stack_lookup_first(shard, sp, &key, &slot);
	if (unlikely(!e))
		return account_alloc_further(p, size, sp, from, key, slot);
	return account_count_alloc(p, size, sp, shard, e, from);
}

/* Any block. */
guard_inline void *account_alloc(void *p, size_t size, uintptr_t sp, uint64_t from)
{
	if (account_may_pass(size))
		return account_alloc_between(p, size, sp, from);
	return account_alloc_met(p, size, sp, from);
}

guard_inline void account_count_free(struct shard *shard, struct region_cell *cell, uint64_t size)
{
	counter_add(&cell->freed_blocks, 1);
	counter_add(&cell->freed_bytes, size);
	counter_sub(&shard->live, size);
}

/*
 * True: counted, or there is nothing to count: the real free is next. False: account_free_other does both, *slot is for
 * it. Cost: some 40 instructions, 20 where nothing is counted.
 */
guard_inline bool account_free(void *p, const uint64_t **found)
{
	uint64_t *slot = blockmap_find_fast((uintptr_t)p), word, size;
	struct region_cell *cell;
	struct shard *shard;

	*found = slot;
	if (unlikely(!slot))
		return census_has_none(p);
	word = *slot;
	size = BLOCK_SIZE(word);
	shard = thread.shard;
	cell = shard_cell(shard, BLOCK_CALLSITE(word));
	if (unlikely(!cell) || unlikely((uint32_t)word >= (uint32_t)EPOCH_LOADER << 24) ||
	    unlikely(size == BLOCK_SIZE_ASIDE))
		return false;
	blockmap_put(slot, 0);
	account_count_free(shard, cell, size);
	return true;
}

/* Before the real realloc: the word is out, and counted as freed only when that has worked. */
guard_inline struct taken account_take(void *p, uintptr_t sp)
{
	struct taken taken = {0, 0};
	uint64_t *slot = blockmap_find_fast((uintptr_t)p);

	if (unlikely(!slot) || unlikely(BLOCK_SIZE(*slot) == BLOCK_SIZE_ASIDE))
		return census_has_none(p) ? taken : account_take_slow((uintptr_t)p, sp);
	taken.word = *slot;
	taken.size = BLOCK_SIZE(taken.word);
	blockmap_put(slot, 0);
	return taken;
}

/* Behind a realloc that worked: the old block is gone. */
guard_inline void account_taken(struct taken taken, void *p, uintptr_t sp)
{
	struct shard *shard = thread.shard;
	struct region_cell *cell = shard_cell(shard, BLOCK_CALLSITE(taken.word));

	if (unlikely(!cell) || unlikely(BLOCK_EPOCH(taken.word) == EPOCH_LOADER))
		account_taken_slow(taken, (uintptr_t)p, sp);
	else
		account_count_free(shard, cell, taken.size);
}
