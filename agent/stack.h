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
 * stacks share both (a wrapper around malloc, a recursion), the slot turns into a pivot: it names the
 * place of the first word in which two of them differed, and what stands there leads to another slot,
 * which may be a pivot again. A pivot is of one sp, which shows that the place is within the stack.
 *
 * What is not remembered is unwound (backtrace.h).
 */
#pragma once
#include "agent/entry.h"
#include "agent/thread.h"

#define STACK_PIVOT 1u	   /* in a slot: it is a pivot */
#define STACK_LINE 8u	   /* slots; a line of the CPU's caches */
#define STACK_PIVOTS 16u   /* on the way to a stack, at most */
#define STACK_PATIENCE 16u /* of so many stacks that were found behind their slot, one is put into it */

struct stack_table {
	uint64_t mask;
	/* An entry, never NULL, or a pivot. In lines of STACK_LINE. */
	uintptr_t slots[] __attribute__((aligned(STACK_LINE * sizeof(uintptr_t))));
};

#define STACK_HASH UINT64_C(0x9e3779b97f4a7c15)

guard_inline uint64_t stack_key(uintptr_t sp, uintptr_t ra)
{
	return (sp + (ra << 20)) * STACK_HASH;
}

/*
 * A pivot, from its highest bits down: place (16), sp (44, without the three that are 0), how often another leaf was
 * here (3), STACK_PIVOT.
 */
#define STACK_PIVOT_MISSED 2u
#define STACK_PIVOT_MISSED_MASK (7u * STACK_PIVOT_MISSED)
#define STACK_PIVOT_SP_BITS 47u

guard_inline uintptr_t stack_pivot(uintptr_t sp, uint16_t place)
{
	return (uintptr_t)place << 48 | sp << 1 | STACK_PIVOT;
}

guard_inline bool stack_pivot_is_of(uintptr_t pivot, uintptr_t sp)
{
	return (pivot ^ sp << 1) << 16 >> 20 == 0;
}

/* The key of those stacks below a pivot that have this word at its place. */
guard_inline uint64_t stack_key_below(uint64_t key, uint64_t word)
{
	return (key ^ word) * STACK_HASH;
}

/* Where a key belongs. What finds no room there stands in another slot of the line. */
guard_inline uint64_t stack_slot(const struct stack_table *table, uint64_t key)
{
	return (key >> 40) & table->mask;
}

/* If the slot of key *k has a pivot of this sp: goes below it. */
guard_inline bool stack_descend(const struct stack_table *table, uintptr_t sp, uint64_t *k, uintptr_t *slot)
{
	uintptr_t pivot = *slot;

	if (!(pivot & STACK_PIVOT) || !stack_pivot_is_of(pivot, sp))
		return false;
	*k = stack_key_below(*k, ((const uint64_t *)(sp - STACK_BASE))[pivot >> 48]);
	*slot = table->slots[stack_slot(table, *k)];
	return true;
}

guard_inline uint64_t stack_leaf_key(uintptr_t sp)
{
	return stack_key(sp, ((const uint64_t *)(sp - STACK_BASE))[1]);
}

/* Where the stack that has these words belongs: its slot; *key is what it is there by. */
guard_inline uint64_t stack_home(const struct stack_table *table, uintptr_t sp, uint64_t *key)
{
	uint64_t k = stack_leaf_key(sp);
	uintptr_t slot = table->slots[stack_slot(table, k)];

	for (uint32_t n = 0; n < STACK_PIVOTS && stack_descend(table, sp, &k, &slot); n++)
		;
	*key = k;
	return stack_slot(table, k);
}

guard_inline const struct stack_entry *stack_holds(uintptr_t slot, uintptr_t sp)
{
	const struct stack_entry *e = (const struct stack_entry *)slot;

	return likely(!(slot & STACK_PIVOT)) && likely(e->sp == sp) &&
			       likely(entry_holds(e, (const uint64_t *)(sp - STACK_BASE)))
		       ? e
		       : NULL;
}

/*
 * The remembered stack that this is, if it stands first, below one pivot at most. Else NULL, and *key and *slot say
 * where that ended. Context: shard of this thread.
 */
guard_inline const struct stack_entry *stack_lookup_first(const struct shard *shard, uintptr_t sp, uint64_t *key,
							  uintptr_t *slot)
{
	const struct stack_table *table = shard->table;

	*key = stack_leaf_key(sp);
	*slot = table->slots[stack_slot(table, *key)];
	if (*slot & STACK_PIVOT)
		stack_descend(table, sp, key, slot);
	return stack_holds(*slot, sp);
}

/*
 * Goes on from there: below further pivots, and in the rest of the line. Every so often what is found in the rest is
 * not told, so that stack_lookup_again puts it first: what is met often stands there, and two that belong there both
 * do not chase each other away.
 */
guard_inline const struct stack_entry *stack_lookup_further(struct shard *shard, uintptr_t sp, uint64_t key,
							    uintptr_t slot)
{
	const struct stack_table *table = shard->table;
	const struct stack_entry *e;
	uint64_t at;

	if (slot & STACK_PIVOT) {
		for (uint32_t n = 1; n < STACK_PIVOTS && stack_descend(table, sp, &key, &slot); n++)
			;
		e = stack_holds(slot, sp);
		if (e)
			return e;
	}
	at = stack_slot(table, key);
	for (uint64_t i = 1; i < STACK_LINE; i++) {
		slot = table->slots[at ^ i];
		e = (const struct stack_entry *)slot;
		if (!(slot & STACK_PIVOT) && e->sp == sp && entry_holds_carefully(e, (uint64_t *)(sp - STACK_BASE)))
			return ++shard->n_not_first % STACK_PATIENCE ? e : NULL;
	}
	return NULL;
}

/* Both. Cost: some 5 ns at 20 frames. */
guard_inline const struct stack_entry *stack_lookup(struct shard *shard, uintptr_t sp)
{
	uintptr_t slot;
	uint64_t key;
	const struct stack_entry *e = stack_lookup_first(shard, sp, &key, &slot);

	return e ? e : stack_lookup_further(shard, sp, key, slot);
}

/* The same, and what is found stands first from now on. Context: thread_enter(), not nested. */
const struct stack_entry *stack_lookup_again(struct shard *shard, uintptr_t sp);
/* As stack_lookup on a stack whose end is not known: reads nothing behind the first word that differs. Context: as
 * above. */
const struct stack_entry *stack_lookup_carefully(const struct shard *shard, uintptr_t sp);

/* Unwinds into the shard's memory; NULL: there is none for a nested one. Context: thread_enter(). */
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
