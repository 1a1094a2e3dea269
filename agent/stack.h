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
 * stacks share both (a wrapper around malloc), the slot turns into a pivot: it names the place of the
 * first word in which they differed, and that word's value chooses among further slots.
 *
 * What is not remembered is unwound (backtrace.h).
 */
#pragma once
#include "agent/backtrace.h"
#include "agent/thread.h"

#define STACK_LEVELS 4u
#define STACK_CAREFUL 1u /* in an entry's sp, which is never odd: the stack's bounds are not known */
#define STACK_PIVOT 1u	 /* in a slot: what it points to is a pivot */

struct stack_entry {
	uintptr_t sp;
	uint64_t word; /* of the block map, without the size */
	struct region_cell *cell;
	uint32_t n_words; /* a multiple of 4 unless careful; 4 at least */
	uint32_t reserved;
	uint64_t words[];
};

struct stack_pivot {
	uint64_t key;
	uintptr_t sp;	   /* where it stands, the word at its place is within the stack */
	uint32_t position; /* place of the word that chooses */
	uint32_t missed;   /* times that another leaf was here */
};

struct stack_table {
	uint64_t mask;
	uintptr_t slots[]; /* an entry, never NULL, or a pivot and STACK_PIVOT */
};

guard_inline uint64_t stack_key(uintptr_t sp, uintptr_t ra)
{
	return (sp + (ra << 20)) * UINT64_C(0x9e3779b97f4a7c15);
}

guard_inline uint64_t stack_key_pivot(uint64_t key, uint64_t value)
{
	return (key ^ value) * UINT64_C(0xd6e8feb86659fd93);
}

guard_inline uintptr_t *stack_slot(struct stack_table *table, uint64_t key)
{
	return &table->slots[(key >> 40) & table->mask];
}

/* Adds to *differ what differs between a remembered word and the one there, in the low STACK_WORD_SHIFT bits. */
guard_inline void stack_word_compare(uint64_t *differ, uint64_t word, const uint64_t *base)
{
	uint64_t place = word;

	/* In this order two registers are enough for all words, so that the hook saves none for them. */
	__asm__ volatile("shrq $48, %1\n\t"
			 "xorq (%3,%1,8), %0\n\t"
			 "orq %0, %2"
			 : "+r"(word), "+r"(place), "+r"(*differ)
			 : "r"(base)
			 : "cc", "memory");
}

/* Do all words hold? Reads all of them, which a stack of known bounds allows. */
guard_inline bool stack_words_hold(const struct stack_entry *e, const uint64_t *base)
{
	const uint64_t *w = e->words, *end = w + e->n_words;
	uint64_t differ = 0;

	do {
		stack_word_compare(&differ, w[0], base);
		stack_word_compare(&differ, w[1], base);
		stack_word_compare(&differ, w[2], base);
		stack_word_compare(&differ, w[3], base);
		w += 4;
	} while (w != end);
	return !(differ << (64 - STACK_WORD_SHIFT));
}

/* The remembered stack that this is, or NULL. Cost: some 5 ns at 20 frames. Context: shard of this thread. */
guard_inline const struct stack_entry *stack_lookup(const struct shard *shard, uintptr_t sp)
{
	const uint64_t *base = (const uint64_t *)(sp - STACK_BASE);
	struct stack_table *table = shard->table;
	uint64_t key = stack_key(sp, base[1]);
	uintptr_t slot = *stack_slot(table, key);
	const struct stack_entry *e;

	for (uint32_t level = 1; unlikely(slot & STACK_PIVOT); level++) {
		const struct stack_pivot *pivot = (const struct stack_pivot *)(slot - STACK_PIVOT);

		if (pivot->key != key || pivot->sp != sp || level == STACK_LEVELS)
			return NULL;
		key = stack_key_pivot(key, base[pivot->position]);
		slot = *stack_slot(table, key);
	}
	e = (const struct stack_entry *)slot;
	return likely(e->sp == sp) && likely(stack_words_hold(e, base)) ? e : NULL;
}

/* The same on a stack whose end is not known: reads nothing behind the first word that differs. Context: as above. */
const struct stack_entry *stack_lookup_carefully(const struct shard *shard, uintptr_t sp);

/* Unwinds into the shard's memory; the result is good until the next but one. Context: thread_enter(). */
struct backtrace *stack_unwind(struct shard *shard, const struct frame *f, bool nested);

/* Remembers it. Context: thread_enter(), not nested. */
void stack_remember(struct shard *shard, uintptr_t sp, const struct backtrace *b, uint64_t word,
		    struct region_cell *cell);

/* Forgets all: a module was unloaded, or another thread takes the shard over. Context: as above. */
void stack_forget(struct shard *shard);
/* Makes another thread forget, at its next look: it finds an empty table and enters slow work. Context: any. */
void stack_disown(struct shard *shard);
/* The scratch and the first table of a new shard. */
bool stack_init_shard(struct shard *shard);
/* Holds nothing: what a thread without a shard of its own looks into. */
extern struct stack_table stack_nothing guard_hidden;
