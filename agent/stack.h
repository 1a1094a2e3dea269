/*
 * Stacks -- from the caller of a hook to its callsite.
 *
 * Unwinding is a pure function of the caller's registers and of the stack words it reads: return
 * addresses, and saved rbp where a CFA is counted from it. A stack that was unwound once is
 * remembered as those words; when they still hold, the callsite is the same. That is a proof, not
 * a guess, also on coroutine stacks and for frames of changing size: word by word, each one that
 * matches shows that the next is where unwinding would have read it.
 *
 * Remembered stacks are in a hash table of the thread's, by sp and return address. Where several
 * stacks share both (a wrapper around malloc), the slot turns into a pivot: it names the first
 * word in which they differed, and that word's value chooses among further slots.
 *
 * What is not remembered is stepped by rules (rule.h), about 3 ns a frame.
 */
#pragma once
#include "agent/thread.h"

#define STACK_LEVELS 4u
#define STACK_WORD_SHIFT 48 /* of a word: offset from sp in 8 bytes above, value below */

struct stack_entry {
	uintptr_t sp, ra, bp, bp_mask; /* bp_mask: ~0 where a CFA was counted from the caller's rbp register */
	uint64_t word;		       /* of the block map, without the size */
	struct region_cell *cell;
	uint32_t n_words; /* a multiple of 4 unless careful */
	bool careful;	  /* the stack's bounds are not known: stop at the first word that differs */
	uint64_t words[];
};

struct stack_slot {
	uint64_t key;
	struct stack_entry *entry; /* NULL where pivot is set */
	uint32_t pivot;		   /* offset from sp in 8 bytes of the word that chooses; 0: none */
	uint32_t missed;	   /* times that another stack was here */
};

/* What stepping found. */
struct backtrace {
	uint64_t *frames, *words;
	uint32_t n_frames, n_words;
	uint32_t flags; /* enum stack_flags */
	bool bp_used, careful, cacheable, from_loader;
	uintptr_t probed; /* page found readable, on a stack whose bounds are not known */
};

guard_inline uint64_t stack_key(uintptr_t sp, uintptr_t ra)
{
	return (sp + (ra << 20)) * UINT64_C(0x9e3779b97f4a7c15) ^ ra;
}

guard_inline uint64_t stack_key_pivot(uint64_t key, uint64_t value)
{
	return (key ^ value) * UINT64_C(0xd6e8feb86659fd93);
}

guard_inline struct stack_slot *stack_slot(const struct shard *shard, uint64_t key)
{
	return &shard->slots[(key >> 32) & shard->slot_mask];
}

/* The first word that differs from the remembered one; n_words when all hold. */
guard_inline bool stack_words_hold(const struct stack_entry *e, uintptr_t sp)
{
	const uint64_t *stack = (const uint64_t *)sp;
	uint64_t differ;

	for (uint32_t i = 0; i < e->n_words; i += 4) {
		const uint64_t *w = &e->words[i];

		differ = stack[w[0] >> STACK_WORD_SHIFT] ^ w[0];
		differ |= stack[w[1] >> STACK_WORD_SHIFT] ^ w[1];
		differ |= stack[w[2] >> STACK_WORD_SHIFT] ^ w[2];
		differ |= stack[w[3] >> STACK_WORD_SHIFT] ^ w[3];
		if (unlikely(differ << (64 - STACK_WORD_SHIFT)))
			return false;
	}
	return true;
}

/* As above on a stack whose end is not known: reads nothing behind the first difference. */
bool stack_words_hold_carefully(const struct stack_entry *e, uintptr_t sp);

/* The remembered stack that this is, or NULL. Cost: some 5 ns at 20 frames. Context: shard of this thread. */
guard_inline const struct stack_entry *stack_lookup(const struct shard *shard, const struct frame *f)
{
	uint64_t key = stack_key(f->sp, f->ra);
	const struct stack_slot *slot = stack_slot(shard, key);
	const struct stack_entry *e;

	for (uint32_t level = 1; unlikely(slot->pivot); level++) {
		if (slot->key != key || level == STACK_LEVELS)
			return NULL;
		key = stack_key_pivot(key, ((const uint64_t *)f->sp)[slot->pivot]);
		slot = stack_slot(shard, key);
	}
	e = slot->entry;
	if (unlikely(!e) || e->sp != f->sp || e->ra != f->ra || (e->bp ^ f->bp) & e->bp_mask)
		return NULL;
	if (unlikely(e->careful) ? stack_words_hold_carefully(e, f->sp) : stack_words_hold(e, f->sp))
		return e;
	return NULL;
}

/*
 * Steps this stack by rules into *b, whose arrays come from the shard's scratch. `learn`: unknown return
 * addresses may be asked of libunwind. Context: thread_enter().
 */
void stack_step(struct backtrace *b, const struct frame *f, bool learn);

/* Remembers it. Context: thread_enter(), not nested. */
void stack_remember(struct shard *shard, const struct frame *f, const struct backtrace *b, uint64_t word,
		    struct region_cell *cell);

/* Forgets all: a module was unloaded. Context: as above. */
void stack_forget(struct shard *shard);
/* The scratch of a new shard. */
bool stack_init_shard(struct shard *shard);
