/*
 * Stepping and remembering stacks. See stack.h.
 */
#include "agent/stack.h"
#include "agent/memory.h"
#include "agent/rule.h"
#include "agent/sys.h"
#include <string.h>

#define FIRST_SLOTS 32u
#define MOST_SLOTS 4096u
#define GROWTH 4u
#define BYTES_PER_SLOT 192u /* a stack of some 16 frames */
#define FILLS_PER_SLOT 2u   /* more than this since the last growth: the table is too small */
#define VARIANTS 2u	    /* this many other stacks in a slot turn it into a pivot */
#define PIVOT_PATIENCE 16u  /* misses by other leaves before a pivot is given up */
#define VALUE_MASK ((UINT64_C(1) << STACK_WORD_SHIFT) - 1)

bool stack_words_hold_carefully(const struct stack_entry *e, uintptr_t sp)
{
	const uint64_t *stack = (const uint64_t *)sp;

	for (uint32_t i = 0; i < e->n_words; i++)
		if (stack[e->words[i] >> STACK_WORD_SHIFT] != (e->words[i] & VALUE_MASK))
			return false;
	return true;
}

/* May the word at this address be read? On a stack of unknown bounds the kernel is asked, once a page. */
static bool may_read(struct backtrace *b, uintptr_t address)
{
	if (address % 8)
		return false;
	if (address >= thread.stack_low && address < thread.stack_high)
		return true;
	b->careful = true;
	if (address / 4096 == b->probed)
		return true;
	if (process_sandbox == SANDBOX_STRICT || !sys_readable((const void *)address))
		return false;
	b->probed = address / 4096;
	return true;
}

/* Notes a word that unwinding has read. */
static void note_word(struct backtrace *b, uintptr_t sp, uintptr_t address, uint64_t value)
{
	uint64_t offset = (address - sp) / 8;

	if (offset >> (64 - STACK_WORD_SHIFT) || value >> STACK_WORD_SHIFT)
		b->cacheable = false;
	b->words[b->n_words++] = (offset << STACK_WORD_SHIFT) | (value & VALUE_MASK);
}

/* The registers while stepping; where bp was read from, 0: it is still the caller's. */
struct step {
	uintptr_t sp, pc, bp, bp_from;
};

/* To the caller by this rule. False: that cannot be; the stack is incomplete. */
static bool step_by(struct backtrace *b, const struct frame *f, const struct rule *rule, struct step *s)
{
	uintptr_t cfa, saved;

	if (rule->kind == RULE_BP) {
		if (s->bp_from)
			note_word(b, f->sp, s->bp_from, s->bp);
		else
			b->bp_used = true;
		cfa = s->bp + (intptr_t)rule->cfa;
	} else {
		cfa = s->sp + (intptr_t)rule->cfa;
	}
	if (cfa <= s->sp || !may_read(b, cfa - 8))
		return false;
	s->pc = *(const uintptr_t *)(cfa - 8);
	note_word(b, f->sp, cfa - 8, s->pc);
	if (rule->saved_bp) {
		saved = cfa + (intptr_t)rule->saved_bp;
		if (saved < f->sp || !may_read(b, saved))
			return false;
		s->bp = *(const uintptr_t *)saved;
		s->bp_from = saved;
	}
	s->sp = cfa;
	return true;
}

void stack_step(struct backtrace *b, const struct frame *f, bool learn)
{
	struct step s = {f->sp, f->ra, f->bp, 0};
	uint64_t depth = options.depth;
	const struct rule *rule;

	b->cacheable = true;
	for (;;) {
		rule = rule_find(s.pc);
		if (unlikely(!rule) && learn)
			rule = rule_learn(s.pc);
		if (!rule) {
			b->frames[b->n_frames++] = s.pc & FRAME_OFFSET_MASK;
			b->cacheable = false;
			break;
		}
		if (!b->n_frames)
			b->from_loader = rule->from_loader;
		/* Code of no module ends a stack; but a junk word there is no frame. */
		b->frames[b->n_frames++] = rule->frame;
		if (rule->kind == RULE_END)
			return;
		if (b->n_frames == depth) {
			b->flags |= STACK_CUT;
			return;
		}
		if (rule->kind == RULE_UNKNOWN || !step_by(b, f, rule, &s))
			break;
		if (!s.pc)
			return;
	}
	b->flags |= STACK_INCOMPLETE;
}

static struct stack_entry *entry_make(struct shard *shard, const struct frame *f, const struct backtrace *b)
{
	uint32_t n = b->careful ? b->n_words : (b->n_words + 3) & ~3u;
	uint64_t size = sizeof(struct stack_entry) + n * sizeof(uint64_t), at;
	struct stack_entry *e;

	if (shard->entries_used + size > shard->entries_size)
		return NULL;
	at = counter_fetch_add(&shard->entries_used, size);
	e = (struct stack_entry *)(shard->entries + at);
	e->sp = f->sp;
	e->ra = f->ra;
	e->bp = f->bp;
	e->bp_mask = b->bp_used ? ~(uintptr_t)0 : 0;
	e->careful = b->careful;
	e->n_words = n;
	memcpy(e->words, b->words, b->n_words * sizeof(uint64_t));
	for (uint32_t i = b->n_words; i < n; i++)
		e->words[i] = b->words[0]; /* checked again rather than counted */
	return e;
}

/* The position in sp-words of the first word in which two stacks of the same leaf differ; 0: none. */
static uint32_t first_difference(const struct stack_entry *e, const struct backtrace *b)
{
	for (uint32_t i = 0; i < e->n_words && i < b->n_words; i++)
		if (e->words[i] != b->words[i])
			return e->words[i] >> STACK_WORD_SHIFT == b->words[i] >> STACK_WORD_SHIFT
				       ? (uint32_t)(e->words[i] >> STACK_WORD_SHIFT)
				       : 0;
	return 0;
}

/* The value that an entry has at a position, for the slot that a pivot sends it to. */
static uint64_t entry_value(const struct stack_entry *e, uint32_t position)
{
	for (uint32_t i = 0; i < e->n_words; i++)
		if (e->words[i] >> STACK_WORD_SHIFT == position)
			return e->words[i] & VALUE_MASK;
	return 0;
}

static void slot_set(struct stack_slot *slot, struct stack_entry *e)
{
	slot->pivot = 0;
	slot->missed = 0;
	slot->entry = e;
}

/* Another stack of the same leaf: the slot becomes a pivot that sends the old one to a slot of its own. */
static bool slot_split(struct shard *shard, struct stack_slot *slot, uint64_t key, const struct backtrace *b)
{
	struct stack_entry *old = slot->entry;
	uint32_t position = first_difference(old, b);
	struct stack_slot *child;

	if (!position || old->careful || ++slot->missed < VARIANTS)
		return false;
	slot->entry = NULL;
	slot->key = key;
	slot->missed = 0;
	slot->pivot = position;
	child = stack_slot(shard, stack_key_pivot(key, entry_value(old, position)));
	if (!child->pivot && child != slot)
		slot_set(child, old);
	return true;
}

/* Puts the entry where stack_lookup will look for it. */
static void place(struct shard *shard, const struct frame *f, const struct backtrace *b, struct stack_entry *e)
{
	uint64_t key = stack_key(f->sp, f->ra);
	struct stack_slot *slot = stack_slot(shard, key);

	for (uint32_t level = 1;; level++) {
		if (!slot->pivot) {
			if (!slot->entry || slot->entry->sp != f->sp || slot->entry->ra != f->ra ||
			    level == STACK_LEVELS || !slot_split(shard, slot, key, b)) {
				uint32_t missed = slot->missed;

				slot_set(slot, e);
				slot->missed = missed;
				return;
			}
		} else if (slot->key != key || level == STACK_LEVELS || e->careful) {
			if (++slot->missed > PIVOT_PATIENCE)
				slot_set(slot, e);
			return;
		}
		key = stack_key_pivot(key, ((const uint64_t *)f->sp)[slot->pivot]);
		slot = stack_slot(shard, key);
	}
}

/* A table of this size; what was remembered is met again soon. False: no memory, the old one stays. */
static bool table_make(struct shard *shard, uint32_t n_slots)
{
	uint64_t entries_size = n_slots * (uint64_t)BYTES_PER_SLOT, old_size = shard->entries_size;
	size_t size = n_slots * sizeof(struct stack_slot) + entries_size;
	struct stack_slot *old = shard->slots;
	size_t old_bytes = old ? (shard->slot_mask + 1) * sizeof(*old) + old_size : 0;
	char *memory = n_slots == FIRST_SLOTS ? memory_take(size) : memory_map(size);

	if (!memory)
		return false;
	shard->entries_size = 0;
	shard->slot_mask = 0;
	shard->slots = (struct stack_slot *)memory;
	shard->slot_mask = n_slots - 1;
	shard->entries = memory + n_slots * sizeof(struct stack_slot);
	shard->entries_used = 0;
	shard->entries_size = entries_size;
	shard->n_fills = 0;
	if (old && old_bytes > FIRST_SLOTS * (sizeof(*old) + BYTES_PER_SLOT))
		memory_unmap(old, old_bytes);
	return true;
}

bool stack_init_shard(struct shard *shard)
{
	uint64_t words = options.depth + 2 * options.depth;

	for (int i = 0; i < 2; i++)
		if (!(shard->scratch[i] = memory_take(words * sizeof(uint64_t))))
			return false;
	return table_make(shard, FIRST_SLOTS);
}

void stack_forget(struct shard *shard)
{
	memset(shard->slots, 0, (shard->slot_mask + 1) * sizeof(*shard->slots));
	shard->entries_used = 0;
	shard->n_fills = 0;
}

void stack_remember(struct shard *shard, const struct frame *f, const struct backtrace *b, uint64_t word,
		    struct region_cell *cell)
{
	uint32_t slots = shard->slot_mask + 1;
	struct stack_entry *e;

	if (!b->cacheable || (b->careful && b->n_words > options.depth * 2))
		return;
	if (++shard->n_fills > slots * FILLS_PER_SLOT && slots < MOST_SLOTS)
		table_make(shard, slots * GROWTH);
	e = entry_make(shard, f, b);
	if (!e) {
		if (slots >= MOST_SLOTS || !table_make(shard, slots * GROWTH))
			stack_forget(shard);
		e = entry_make(shard, f, b);
		if (!e)
			return;
	}
	e->word = word;
	e->cell = cell;
	place(shard, f, b, e);
}
