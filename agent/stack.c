/*
 * Stepping and remembering stacks. See stack.h.
 */
#include "agent/stack.h"
#include "agent/memory.h"
#include "agent/rule.h"
#include "agent/sys.h"
#include <string.h>

#define FIRST_SLOTS 32u
#define MOST_SLOTS 32768u /* FIRST_SLOTS times a power of GROWTH */
#define GROWTH 4u
#define BYTES_PER_SLOT 152u /* in two halves; an entry of no parts for two slots in three */
#define FILLS_PER_SLOT 1u   /* more than this since the last growth: the table is too small */
#define TABLE_ALIGN 16u
#define VARIANTS 2u /* this many other stacks of the same leaf turn a slot into a pivot */
#define BYPASS_FOR 262144u

static struct stack_entry no_entry; /* of sp 0: no stack's */
#define NO_ENTRIES                                                                                                     \
	{                                                                                                              \
		[0 ... STACK_LINE - 1] = (uintptr_t)&no_entry                                                          \
	}
struct stack_table stack_nothing = {.slots = NO_ENTRIES};
static struct stack_table stack_bypassed = {.slots = NO_ENTRIES};

const struct stack_entry *stack_lookup_carefully(const struct shard *shard, uintptr_t sp)
{
	const uint64_t *base = (const uint64_t *)(sp - STACK_BASE);
	const struct stack_table *table = shard->table;
	uint64_t at = stack_slot(table, stack_key(sp, base[1]));

	for (uint64_t way = 0; way < STACK_LINE; way++) {
		uintptr_t slot = table->slots[at ^ way];
		const struct stack_entry *e = (const struct stack_entry *)slot;

		if (!(slot & STACK_PIVOT) && e->sp == (sp | STACK_CAREFUL) && entry_holds_carefully(e, base))
			return e;
	}
	return NULL;
}

/* Into its slot; what stood there moves beside it, and so on through the line, to where the entry came from. */
static void put(struct stack_table *table, uint64_t at, struct stack_entry *e)
{
	uintptr_t moved = (uintptr_t)e, *slot, stood;

	for (uint64_t i = 0; i < STACK_LINE; i++) {
		slot = &table->slots[at ^ i];
		stood = *slot;
		if (stood & STACK_PIVOT)
			continue;
		*slot = moved;
		if (stood == (uintptr_t)e || stood == (uintptr_t)&no_entry)
			return;
		moved = stood;
	}
}

/* Have so many stacks of the entry's leaf been in its slot that it should be a pivot? */
static bool is_contested(uintptr_t slot, struct stack_entry *e)
{
	const struct stack_entry *old = (const struct stack_entry *)slot;

	if (old->sp != e->sp || old->sp & STACK_CAREFUL)
		return false;
	e->missed = old->missed + 1;
	return e->missed >= VARIANTS;
}

/* A pivot in place of the entry that stands there, which goes below it. False: it has no place to tell it from e by. */
static bool part(struct stack_table *table, uint64_t at, uint64_t key, const struct stack_entry *e)
{
	struct stack_entry *old = (struct stack_entry *)table->slots[at];
	struct entry_difference d;

	if (e->sp >> STACK_PIVOT_SP_BITS || !entries_differ(old, e, &d))
		return false;
	table->slots[at] = stack_pivot(e->sp, d.place);
	old->missed = 0;
	put(table, stack_slot(table, stack_key_below(key, d.one)), old);
	return true;
}

/* Puts the entry where stack_lookup will look for it. */
static void place(struct shard *shard, uintptr_t sp, struct stack_entry *e)
{
	struct stack_table *table = shard->own_table;
	uint64_t key = stack_leaf_key(sp), at = stack_slot(table, key);
	uintptr_t slot;

	if (!(e->sp & STACK_CAREFUL)) /* whoever looks carefully goes below no pivot */
		at = stack_home(table, sp, &key);
	slot = table->slots[at];
	e->missed = 0;
	if (slot & STACK_PIVOT) {
		/* It is of other stacks: there is room beside it, or in its place if that happens often. */
		bool often = (slot & STACK_PIVOT_MISSED_MASK) == STACK_PIVOT_MISSED_MASK;

		table->slots[at] = often ? (uintptr_t)&no_entry : slot + STACK_PIVOT_MISSED;
	} else if (is_contested(slot, e) && part(table, at, key, e)) {
		at = stack_home(table, sp, &key);
		e->missed = 0;
	}
	put(table, at, e);
}

/*
 * The fast path looks here from now on. The table is empty, so it does not matter if another thread has had this one
 * forget (stack_disown) just now.
 */
static void table_use(struct shard *shard, struct stack_table *table)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	shard->table = table;
}

static void table_clear(struct stack_table *table)
{
	for (uint64_t i = 0; i <= table->mask; i++)
		table->slots[i] = (uintptr_t)&no_entry;
}

/*
 * A table of this size; what was remembered is met again soon. False: no memory, the old one stays. It is never
 * given back: this may be a signal handler that came upon a hook which holds an entry of it. All the
 * smaller ones together are a third of the largest.
 */
static bool table_make(struct shard *shard, uint64_t n_slots)
{
	size_t head = (sizeof(struct stack_table) + n_slots * sizeof(uintptr_t) + TABLE_ALIGN - 1) &
		      ~(size_t)(TABLE_ALIGN - 1);
	size_t size = head + n_slots * BYTES_PER_SLOT;
	struct stack_table *table;

	/* The first huge page: half of the entries are filled from there on, the other half may stay empty. */
	table = n_slots == MOST_SLOTS ? memory_map_huge(size, HUGE_PAGE) : NULL;
	if (!table)
		table = n_slots == FIRST_SLOTS ? memory_take(size) : memory_map(size);
	if (!table)
		return false;
	table->mask = n_slots - 1;
	table_clear(table);
	shard->table = &stack_nothing; /* for a signal handler between here and the end */
	shard->entries = (char *)table + head;
	entries_begin(shard);
	shard->entries_size = n_slots * BYTES_PER_SLOT / 2;
	shard->entries_half = 0;
	shard->n_fills = 0;
	shard->own_table = table;
	table_use(shard, table);
	return true;
}

const struct stack_entry *stack_lookup_again(struct shard *shard, uintptr_t sp)
{
	const uint64_t *base = (const uint64_t *)(sp - STACK_BASE);
	struct stack_table *table = shard->own_table;
	uint64_t at, key;

	if (shard->table != table)
		return NULL;
	at = stack_home(table, sp, &key);
	for (uint64_t i = 0; i < STACK_LINE; i++) {
		uintptr_t *slot = &table->slots[at ^ i];
		struct stack_entry *e = (struct stack_entry *)*slot;

		if (*slot & STACK_PIVOT || e->sp != sp || !entry_holds_carefully(e, base))
			continue;
		*slot = (uintptr_t)&no_entry;
		place(shard, sp, e);
		return e;
	}
	return NULL;
}

bool stack_init_shard(struct shard *shard)
{
	return backtrace_init(&shard->backtrace, true) && table_make(shard, FIRST_SLOTS);
}

struct backtrace *stack_unwind(struct shard *shard, const struct frame *f, bool nested)
{
	struct backtrace *b = nested ? &shard->nested : &shard->backtrace;

	if (unlikely(!b->room) && !backtrace_init(b, false))
		return NULL;
	backtrace_unwind(b, f, !nested);
	return b;
}

static void forget_table(struct shard *shard)
{
	shard->table = &stack_nothing;
	table_clear(shard->own_table);
	/* The other half is used first: a hook that a signal handler came upon may hold an entry of this one. */
	shard->entries += shard->entries_half ? -(int64_t)shard->entries_size : (int64_t)shard->entries_size;
	shard->entries_half = !shard->entries_half;
	entries_begin(shard);
	shard->n_fills = 0;
	table_use(shard, shard->own_table);
}

void stack_forget(struct shard *shard)
{
	backtrace_forget(&shard->backtrace);
	forget_table(shard);
}

void stack_disown(struct shard *shard)
{
	__atomic_store_n(&shard->table, &stack_nothing, __ATOMIC_RELEASE);
}

/*
 * Does it pay? Where the largest table was filled up and not half the allocations meanwhile were found in it (deep
 * recursion of many shapes), looking and filling only cost: for the next BYPASS_FOR stacks nobody does.
 */
static bool table_pays(struct shard *shard)
{
	uint64_t now = shard_allocations(shard), misses = shard->n_misses, then = shard->allocations_then;

	shard->allocations_then = now;
	shard->n_misses = 0;
	return (now - then) / 2 >= misses;
}

/* A larger table, or the same one empty. */
static void make_way(struct shard *shard)
{
	uint64_t slots = shard->own_table->mask + 1;

	if (slots < MOST_SLOTS && table_make(shard, slots * GROWTH))
		return;
	forget_table(shard);
	if (!table_pays(shard))
		table_use(shard, &stack_bypassed);
}

/* To be remembered? */
static bool is_wanted(struct shard *shard, const struct backtrace *b)
{
	shard->n_misses++;
	if (likely(shard->table == shard->own_table))
		return b->cacheable;
	if (shard->table == &stack_bypassed && shard->n_misses > BYPASS_FOR) {
		shard->n_misses = 0;
		shard->allocations_then = shard_allocations(shard);
		table_use(shard, shard->own_table);
	}
	return false;
}

void stack_remember(struct shard *shard, uintptr_t sp, const struct backtrace *b, uint64_t word,
		    struct region_cell *cell)
{
	uint64_t slots = shard->own_table->mask + 1;
	struct stack_entry *e;

	if (!is_wanted(shard, b) || !entry_is_possible(b))
		return;
	if (++shard->n_fills > slots * FILLS_PER_SLOT && slots < MOST_SLOTS)
		make_way(shard);
	e = entry_make(shard, sp, b);
	if (!e) {
		make_way(shard);
		e = shard->table == shard->own_table ? entry_make(shard, sp, b) : NULL;
		if (!e)
			return;
	}
	e->word = (uint32_t)word;
	e->cell = cell;
	place(shard, sp, e);
}
