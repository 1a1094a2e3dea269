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
#define BYTES_PER_SLOT 160u /* in two halves; 18 frames for every third slot */
#define FILLS_PER_SLOT 1u   /* more than this since the last growth: the table is too small */
#define ENTRY_ALIGN 16u
#define VARIANTS 2u	   /* this many other stacks of the same leaf turn a slot into a pivot */
#define PIVOT_PATIENCE 16u /* misses by other leaves before a pivot is given up */

static struct stack_entry no_entry; /* of sp 0: no stack's */
struct stack_table stack_nothing = {.slots = {(uintptr_t)&no_entry, (uintptr_t)&no_entry}};

const struct stack_entry *stack_lookup_carefully(const struct shard *shard, uintptr_t sp)
{
	const uint64_t *base = (const uint64_t *)(sp - STACK_BASE);
	const struct stack_table *table = shard->table;
	uint64_t at = stack_slot(table, stack_key(sp, base[1]));

	for (int way = 0; way < 2; way++, at ^= STACK_BESIDE) {
		const struct stack_entry *e = (const struct stack_entry *)table->slots[at];
		uint32_t i = 0;

		if (table->slots[at] & STACK_PIVOT || e->sp != (sp | STACK_CAREFUL))
			continue;
		while (i < e->n_words && base[stack_places(e)[i]] == e->values[i])
			i++;
		if (i == e->n_words)
			return e;
	}
	return NULL;
}

static void *entries_take(struct shard *shard, uint64_t size)
{
	uint64_t at;

	size = (size + ENTRY_ALIGN - 1) & ~(uint64_t)(ENTRY_ALIGN - 1);
	if (shard->entries_used + size > shard->entries_size)
		return NULL;
	at = counter_fetch_add(&shard->entries_used, size);
	return shard->entries + at;
}

static struct stack_entry *entry_make(struct shard *shard, uintptr_t sp, const struct backtrace *b)
{
	uint32_t n = b->careful ? b->n_words : (b->n_words + 3) & ~3u;
	uint64_t size = sizeof(struct stack_entry) + n * (sizeof(uint64_t) + sizeof(uint16_t));
	struct stack_entry *e = entries_take(shard, size);
	uint16_t *places;

	if (!e)
		return NULL;
	e->sp = b->careful ? sp | STACK_CAREFUL : sp;
	e->n_words = n;
	places = (uint16_t *)(e->values + n);
	for (uint32_t i = 0; i < n; i++) {
		uint64_t word = b->words[i < b->n_words ? i : 0]; /* checked again rather than counted */

		e->values[i] = word & STACK_VALUE_MASK;
		places[i] = (uint16_t)(word >> STACK_WORD_SHIFT);
	}
	return e;
}

/* The place of the first word in which two stacks of the same leaf differ; 0: none. */
static uint32_t first_difference(const struct stack_entry *e, const struct backtrace *b)
{
	const uint16_t *places = stack_places(e);

	for (uint32_t i = 0; i < e->n_words && i < b->n_words; i++) {
		if (places[i] != b->words[i] >> STACK_WORD_SHIFT)
			return 0;
		if (e->values[i] != (b->words[i] & STACK_VALUE_MASK))
			return places[i];
	}
	return 0;
}

/* The value that an entry has at a place, for the slot that a pivot sends it to. */
static uint64_t entry_value(const struct stack_entry *e, uint32_t place)
{
	for (uint32_t i = 0; i < e->n_words; i++)
		if (stack_places(e)[i] == place)
			return e->values[i];
	return 0;
}

/* Another stack of the same leaf: the slot becomes a pivot that sends the old one to a slot of its own. */
static bool slot_split(struct shard *shard, uintptr_t *slot, uint64_t key, const struct backtrace *b)
{
	struct stack_entry *old = (struct stack_entry *)*slot;
	uint32_t position = first_difference(old, b);
	struct stack_pivot *pivot;
	uintptr_t *child;

	if (!position || ++old->missed < VARIANTS || !(pivot = entries_take(shard, sizeof(*pivot))))
		return false;
	pivot->key = key;
	pivot->sp = old->sp;
	pivot->position = position;
	pivot->missed = 0;
	*slot = (uintptr_t)pivot | STACK_PIVOT;
	child = &shard->table->slots[stack_slot(shard->table, stack_key_pivot(key, entry_value(old, position)))];
	if (!(*child & STACK_PIVOT))
		*child = (uintptr_t)old;
	return true;
}

/* Into its slot; what stood there moves beside it, what stood beside it is forgotten. */
static void put(struct stack_table *table, uint64_t at, struct stack_entry *e)
{
	uintptr_t *beside = &table->slots[at ^ STACK_BESIDE];

	if (!(table->slots[at] & STACK_PIVOT) && !(*beside & STACK_PIVOT))
		*beside = table->slots[at];
	table->slots[at] = (uintptr_t)e;
}

/* Puts the entry where stack_lookup will look for it. */
static void place(struct shard *shard, uintptr_t sp, const struct backtrace *b, struct stack_entry *e)
{
	const uint64_t *base = (const uint64_t *)(sp - STACK_BASE);
	struct stack_table *table = shard->table;
	uint64_t key = stack_key(sp, base[1]), at;
	struct stack_pivot *pivot;
	struct stack_entry *old;

	for (uint32_t level = 1;; level++) {
		at = stack_slot(table, key);
		if (!(table->slots[at] & STACK_PIVOT)) {
			old = (struct stack_entry *)table->slots[at];
			if (old->sp != sp || level == STACK_LEVELS || b->careful ||
			    !slot_split(shard, &table->slots[at], key, b)) {
				e->missed = old->sp == sp ? old->missed : 0;
				put(table, at, e);
				return;
			}
		}
		pivot = (struct stack_pivot *)(table->slots[at] - STACK_PIVOT);
		if (pivot->key != key || pivot->sp != sp || level == STACK_LEVELS || b->careful) {
			/* A pivot of other stacks: there is room beside it, or in its place if that happens often. */
			if (!(table->slots[at ^ STACK_BESIDE] & STACK_PIVOT))
				table->slots[at ^ STACK_BESIDE] = (uintptr_t)e;
			else if (++pivot->missed > PIVOT_PATIENCE)
				table->slots[at] = (uintptr_t)e;
			return;
		}
		key = stack_key_pivot(key, base[pivot->position]);
	}
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
	size_t head = (sizeof(struct stack_table) + n_slots * sizeof(uintptr_t) + ENTRY_ALIGN - 1) &
		      ~(size_t)(ENTRY_ALIGN - 1);
	size_t size = head + n_slots * BYTES_PER_SLOT;
	struct stack_table *table;

	table = n_slots == FIRST_SLOTS ? memory_take(size) : memory_map(size);
	if (!table)
		return false;
	table->mask = n_slots - 1;
	table_clear(table);
	shard->table = &stack_nothing; /* for a signal handler between here and the end */
	shard->entries = (char *)table + head;
	shard->entries_used = 0;
	shard->entries_size = n_slots * BYTES_PER_SLOT / 2;
	shard->entries_half = 0;
	shard->n_fills = 0;
	shard->own_table = table;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	shard->table = table;
	return true;
}

static bool backtrace_room(struct backtrace *b, bool with_steps)
{
	uint64_t depth = options.depth;

	b->frames = memory_take(depth * sizeof(uint64_t));
	b->words = memory_take((2 * depth + 2) * sizeof(uint64_t));
	b->steps = with_steps ? memory_take(depth * sizeof(struct step)) : NULL;
	return b->frames && b->words && (b->steps || !with_steps);
}

bool stack_init_shard(struct shard *shard)
{
	return backtrace_room(&shard->backtraces[0], true) && backtrace_room(&shard->backtraces[1], true) &&
	       backtrace_room(&shard->nested, false) && table_make(shard, FIRST_SLOTS);
}

struct backtrace *stack_unwind(struct shard *shard, const struct frame *f, bool nested)
{
	struct backtrace *last = &shard->backtraces[shard->last_backtrace], *b = &shard->nested;

	if (!nested)
		b = &shard->backtraces[!shard->last_backtrace];
	b->n_frames = b->n_words = b->flags = 0;
	backtrace_unwind(b, f, !nested, nested || !last->n_frames ? NULL : last);
	if (!nested)
		shard->last_backtrace = !shard->last_backtrace;
	return b;
}

void stack_forget(struct shard *shard)
{
	shard->table = &stack_nothing;
	table_clear(shard->own_table);
	/* The other half is used first: a hook that a signal handler came upon may hold an entry of this one. */
	shard->entries += shard->entries_half ? -(int64_t)shard->entries_size : (int64_t)shard->entries_size;
	shard->entries_half = !shard->entries_half;
	shard->entries_used = 0;
	shard->n_fills = 0;
	shard->backtraces[0].n_frames = shard->backtraces[1].n_frames = 0;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	shard->table = shard->own_table;
}

void stack_disown(struct shard *shard)
{
	__atomic_store_n(&shard->table, &stack_nothing, __ATOMIC_RELEASE);
}

void stack_remember(struct shard *shard, uintptr_t sp, const struct backtrace *b, uint64_t word,
		    struct region_cell *cell)
{
	uint64_t slots = shard->own_table->mask + 1;
	struct stack_entry *e;

	if (!b->cacheable || shard->table == &stack_nothing)
		return;
	if (++shard->n_fills > slots * FILLS_PER_SLOT && slots < MOST_SLOTS)
		table_make(shard, slots * GROWTH);
	e = entry_make(shard, sp, b);
	if (!e) {
		if (slots >= MOST_SLOTS || !table_make(shard, slots * GROWTH))
			stack_forget(shard);
		e = entry_make(shard, sp, b);
		if (!e)
			return;
	}
	e->word = word;
	e->cell = cell;
	place(shard, sp, b, e);
}
