/*
 * Accounting's cold side. See account.h.
 */
#include "agent/account.h"
#include "agent/callsite.h"
#include "agent/governor.h"
#include "agent/lifecycle.h"
#include "agent/mode.h"
#include "agent/modules.h"
#include "agent/real.h"
#include "agent/sampler.h"
#include <errno.h>

/* Dormant for good: the shortest way out of a hook. */
static bool is_dormant(void)
{
	return process_epoch() == EPOCH_DORMANT;
}

static void count_alloc(struct shard *shard, struct region_cell *cell, uint64_t size)
{
	counter_add(&cell->allocated_blocks, 1);
	counter_add(&cell->allocated_bytes, size);
	counter_add(&shard->live, size);
	if ((int64_t)shard->live > (int64_t)shard->ceiling)
		shard_peak(shard);
}

static void count_free(struct shard *shard, uint32_t callsite, uint64_t size)
{
	struct region_cell *cell = shard_cell_new(shard, callsite);

	if (cell)
		account_count_free(shard, cell, size);
}

/* Words that stand where a new block begins: their frees were not seen. */
static void count_stale(struct shard *shard, uintptr_t block, uint64_t *slot)
{
	uint64_t word;

	while ((word = blockmap_stale(block, slot))) {
		census_word_went(block);
		count_free(shard, BLOCK_CALLSITE(word),
			   BLOCK_SIZE(word) == BLOCK_SIZE_ASIDE ? blockmap_huge_take(block) : BLOCK_SIZE(word));
	}
}

/* Writes the block's word wherever its size wants it. False: no room, which is counted; the block does not count. */
static bool map_block(struct shard *shard, uintptr_t block, uint64_t size, uint64_t word)
{
	uint64_t *slot = blockmap_slot(block, size);

	if (unlikely(!slot) && !(slot = blockmap_slot_new(block, size)))
		return false;
	if (!census_has_none((void *)block) && unlikely(blockmap_find(block) || *slot))
		count_stale(shard, block, slot);
	if (size >= BLOCK_SIZE_ASIDE && !blockmap_huge_put(block, size))
		return false;
	census_word_comes(block);
	blockmap_put(slot, blockmap_word(word, block, size));
	return true;
}

/* A stack that is not remembered. sampling: NULL, or what the block is in the sample. */
static void count_new(struct shard *shard, void *p, uint64_t size, const struct frame *frame, bool nested,
		      const struct wire_sampling *sampling, uint64_t from)
{
	const struct backtrace *b;
	struct region_cell *cell;
	uint64_t word;
	uint32_t id;

	if (!nested)
		thread_extend_stack(frame->sp);
	b = stack_unwind(shard, frame, nested);
	if (!b) {
		process_dropped(LOST_THREAD);
		return;
	}
	id = sampling ? callsite_intern_sampled(b->frames, b->n_frames, b->flags, b->hash, sampling)
		      : callsite_intern(b->frames, b->n_frames, b->flags, b->hash);
	cell = id ? shard_cell_new(shard, id) : NULL;
	if (!cell)
		return;
	word = id | (b->from_loader ? (uint64_t)EPOCH_LOADER << 24 : 0);
	if (map_block(shard, (uintptr_t)p, size, word | account_birth(word, from)))
		count_alloc(shard, cell, size);
	if (!nested)
		stack_remember(shard, frame->sp, b, word, cell);
}

static void count_exact(struct shard *shard, void *p, uint64_t size, const struct frame *frame, bool nested,
			uint64_t from)
{
	const struct stack_entry *e = NULL;

	if (!thread_stack_has(frame->sp))
		e = stack_lookup_carefully(shard, frame->sp);
	else if (!nested)
		e = stack_lookup_again(shard, frame->sp);
	if (!e) {
		count_new(shard, p, size, frame, nested, NULL, from);
		return;
	}
	if (map_block(shard, (uintptr_t)p, size, e->word | account_birth(e->word, from)))
		count_alloc(shard, e->cell, size);
}

static void count_bare(struct shard *shard, void *p, uint64_t size, uint64_t from)
{
	if (!shard->bare)
		return;
	if (map_block(shard, (uintptr_t)p, size, shard->bare->word | account_birth(shard->bare->word, from)))
		count_alloc(shard, shard->bare->cell, size);
}

/* What the thread's mode does with a block. */
static void count(struct shard *shard, void *p, uint64_t size, const struct frame *frame, bool nested, uint64_t from)
{
	struct wire_sampling sampling;

	if (thread.mode == MODE_EXACT || module_is_loader_code(frame->ra))
		count_exact(shard, p, size, frame, nested, from);
	else if (thread.mode == MODE_COUNTS)
		count_bare(shard, p, size, from);
	else if (mode_meets(shard, size, &sampling))
		count_new(shard, p, size, frame, nested, &sampling, from);
}

guard_cold void *account_alloc_slow(void *p, uint64_t size, uintptr_t sp, uint64_t from)
{
	uint64_t begun;
	struct shard *shard;
	struct frame frame;
	uint32_t was;
	int saved;

	if (is_dormant()) {
		mode_thread_dormant();
		return p;
	}
	frame = frame_of(sp);
	saved = errno;
	if (!thread_enter(&frame, &was))
		return p;
	shard = thread.shard;
	begun = unlikely(thread.timed && was == BUSY_NO && !process_sandbox) ? governor_begin(shard, sp) : 0;
	count(shard, p, size, &frame, was != BUSY_NO, from);
	if (unlikely(begun))
		governor_end(shard, begun, sp, (uintptr_t)p);
	thread_leave(was);
	errno = saved;
	if (was == BUSY_NO && --shard->countdown == 0)
		return account_alloc_more(p, shard, sp);
	if (thread.mode != MODE_EXACT)
		mode_next_stop(shard);
	return p;
}

static uintptr_t return_address(uintptr_t sp)
{
	return ((const uintptr_t *)sp)[-1];
}

void *account_alloc_between(void *p, uint64_t size, uintptr_t sp, uint64_t from)
{
	return likely(account_passes(size, return_address(sp))) ? p : account_alloc_slow(p, size, sp, from);
}

void *account_alloc_further(void *p, uint64_t size, uintptr_t sp, uint64_t from, uint64_t key, uintptr_t slot)
{
	struct shard *shard = thread.shard;
	const struct stack_entry *e = shard->table->mask ? stack_lookup_further(shard, sp, key, slot) : NULL;

	if (likely(e != NULL))
		return account_count_alloc(p, size, sp, shard, e, from);
	if (thread.mode == MODE_COUNTS && account_is_settled(return_address(sp)) && likely(!thread.timed) &&
	    likely(shard->bare != NULL) && likely(thread.busy != BUSY_AGENT))
		return account_count_alloc(p, size, sp, shard, shard->bare, from);
	return account_alloc_slow(p, size, sp, from);
}

/* Takes the word out, wherever it is. */
static struct taken take(uintptr_t block)
{
	struct taken taken = {0, 0};
	uint64_t *slot = blockmap_find(block);

	if (!slot) {
		if (!thread.partial)
			__atomic_fetch_add(&store->agent.unknown_frees, 1, __ATOMIC_RELAXED);
		return taken;
	}
	taken.word = *slot;
	taken.size = BLOCK_SIZE(taken.word);
	if (taken.size == BLOCK_SIZE_ASIDE)
		taken.size = blockmap_huge_take(block);
	blockmap_put(slot, 0);
	census_word_went(block);
	return taken;
}

/* A block without a word is nothing unknown: not sampled, or the agent is dormant. */
guard_inline bool may_be_unmapped(void)
{
	return likely(thread.epoch == process_epoch()) && likely(thread.partial);
}

guard_cold struct taken account_take_slow(uintptr_t block, uintptr_t sp)
{
	const struct frame frame = frame_of(sp);
	struct taken taken = {0, 0};
	int saved = errno;
	uint32_t was;

	if (may_be_unmapped() && !blockmap_find(block))
		return taken;

	if (is_dormant() || !thread_enter(&frame, &was))
		return taken;
	taken = take(block);
	thread_leave(was);
	errno = saved;
	return taken;
}

guard_cold void account_taken_slow(struct taken taken, uintptr_t block, uintptr_t sp)
{
	const struct frame frame = frame_of(sp);
	int saved = errno;
	uint32_t was;

	if (!taken.word || !thread_enter(&frame, &was))
		return;
	count_free(thread.shard, BLOCK_CALLSITE(taken.word), taken.size);
	if (BLOCK_EPOCH(taken.word) == EPOCH_LOADER && was == BUSY_NO)
		modules_freed((const void *)block);
	thread_leave(was);
	errno = saved;
}

guard_cold static void free_slow(void *p, uintptr_t sp)
{
	if (!is_dormant())
		account_taken_slow(account_take_slow((uintptr_t)p, sp), (uintptr_t)p, sp);
	real.free(p);
}

void account_free_other(void *p, uintptr_t sp, const uint64_t *slot)
{
	/* With a census the fast path does not find what is there. */
	if (likely(!slot) && likely(may_be_unmapped()) && (!census || likely(!blockmap_find((uintptr_t)p))))
		real.free(p);
	else
		free_slow(p, sp);
}

guard_cold void account_put_back(struct taken taken, uintptr_t block)
{
	if (taken.word)
		map_block(thread.shard, block, taken.size, taken.word & UINT64_C(0xffffffff));
}

/* Option verify: what was recognised is unwound again, step by step, and has to be the same. */
static void verify(struct shard *shard, const struct frame *frame)
{
	const struct stack_entry *e = stack_lookup(shard, frame->sp);
	uint32_t known = e ? BLOCK_CALLSITE(e->word) : 0, resumed, stepped;
	const struct backtrace *b = stack_unwind(shard, frame, false);

	if (!b)
		return;
	resumed = callsite_intern(b->frames, b->n_frames, b->flags, b->hash);
	backtrace_forget(&shard->backtrace);
	b = stack_unwind(shard, frame, false);
	stepped = callsite_intern(b->frames, b->n_frames, b->flags, b->hash);
	__atomic_fetch_add(&store->agent.verified, 1, __ATOMIC_RELAXED);
	if (resumed != stepped || (known && known != stepped))
		__atomic_fetch_add(&store->agent.verify_differences, 1, __ATOMIC_RELAXED);
}

static void tick(struct shard *shard, uintptr_t sp)
{
	const struct frame frame = frame_of(sp);
	uint32_t was;

	shard_countdown(shard, 1);
	if (!thread_enter(&frame, &was))
		return;
	if (was == BUSY_NO && lifecycle_is_whole()) {
		sampler_consider(shard, &frame);
		if (unlikely(options.verify) && thread.mode == MODE_EXACT) {
			if (shard->countdown > options.verify)
				shard_countdown(shard, options.verify);
			verify(shard, &frame);
		}
		if (unlikely(options.overhead_budget > 0))
			governor_time_next(shard);
	} else if (was == BUSY_NO) {
		lifecycle_begin(&frame);
	}
	thread_leave(was);
}

guard_cold void *account_alloc_more(void *p, struct shard *shard, uintptr_t sp)
{
	int saved = errno;

	if ((int64_t)shard->live > (int64_t)shard->ceiling) {
		shard_peak(shard);
		/* The fast path came here before it could count down. */
		if (shard->countdown)
			shard->countdown--;
	}
	if (!shard->countdown) {
		tick(shard, sp);
		mode_next_stop(shard);
	}
	errno = saved;
	return p;
}
