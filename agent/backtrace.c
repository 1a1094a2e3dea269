/*
 * Unwinding by rules, and resuming what was unwound before. See backtrace.h.
 */
#include "agent/backtrace.h"
#include "agent/process.h"
#include "agent/rule.h"
#include "agent/sys.h"
#include "agent/thread.h"
#include <string.h>

/* On a stack of unknown bounds the kernel is asked, once a page. */
static bool probe(struct backtrace *b, uintptr_t address)
{
	b->careful = true;
	if (address / 4096 == b->probed)
		return true;
	if (process_sandbox || !sys_readable((const void *)address))
		return false;
	b->probed = address / 4096;
	return true;
}

guard_inline bool may_read(struct backtrace *b, uintptr_t address)
{
	if (unlikely(address % 8))
		return false;
	return likely(address >= thread.stack_low && address < thread.stack_high) || probe(b, address);
}

/* Notes a word that unwinding has read. */
guard_inline void note_word(struct backtrace *b, uintptr_t address, uint64_t value)
{
	uint64_t place = (address - (b->sp - STACK_BASE)) / 8;

	if (unlikely(place >> (64 - STACK_WORD_SHIFT)) || unlikely(value >> STACK_WORD_SHIFT))
		b->cacheable = false;
	b->words[b->n_words++] = (place << STACK_WORD_SHIFT) | (value & STACK_VALUE_MASK);
}

/* To the caller by this rule. False: that cannot be; the stack is incomplete. */
guard_inline bool step_by(struct backtrace *b, const struct rule *rule, struct step *s)
{
	uintptr_t cfa, saved;

	if (rule->kind == RULE_BP) {
		note_word(b, s->bp_from, s->bp);
		cfa = s->bp + (intptr_t)rule->cfa;
	} else {
		cfa = s->sp + (intptr_t)rule->cfa;
	}
	if (unlikely(cfa <= s->sp) || !may_read(b, cfa - 8))
		return false;
	s->pc = *(const uintptr_t *)(cfa - 8);
	note_word(b, cfa - 8, s->pc);
	if (rule->saved_bp) {
		saved = cfa + (intptr_t)rule->saved_bp;
		if (unlikely(saved < b->sp) || !may_read(b, saved))
			return false;
		s->bp = *(const uintptr_t *)saved;
		s->bp_from = saved;
	}
	s->sp = cfa;
	return true;
}

/*
 * How many of the words from..to of `old` hold? One by one: each that does shows that the next may be read.
 * They are noted on the way, counted from the new stack's base.
 */
static uint64_t words_hold(struct backtrace *b, const struct backtrace *old, uint64_t from, uint64_t to)
{
	const uint64_t *base = (const uint64_t *)(old->sp - STACK_BASE), *words = old->words;
	uint64_t *noted = b->words + b->n_words;
	int64_t shift = (int64_t)(old->sp - b->sp) / 8, place = 0;
	uint64_t i;

	for (i = from; i < to; i++) {
		uint64_t word = words[i];

		if ((base[word >> STACK_WORD_SHIFT] ^ word) << (64 - STACK_WORD_SHIFT))
			break;
		place = (int64_t)(word >> STACK_WORD_SHIFT) + shift;
		*noted++ = word + ((uint64_t)shift << STACK_WORD_SHIFT);
	}
	/* Places only rise but for a saved rbp, which is no higher than the return address noted after it. */
	if (unlikely(place >> (64 - STACK_WORD_SHIFT)))
		b->cacheable = false;
	b->n_words += (uint32_t)(i - from);
	return i;
}

/* At option depth the stack is cut, unless that frame is the last there is. */
static void cut(struct backtrace *b, uintptr_t pc)
{
	const struct rule *rule = rule_find(pc);

	if (!rule || rule->kind != RULE_END)
		b->flags |= STACK_CUT;
}

#define NONE UINT32_MAX

/* The frame of `old` that this step is, from *k on. Both have rising stack pointers. */
guard_inline uint32_t meet(const struct backtrace *old, uint32_t *k, const struct step *s)
{
	const struct step *o;

	while (*k < old->n_frames && old->steps[*k].sp < s->sp)
		++*k;
	if (*k == old->n_frames)
		return NONE;
	o = &old->steps[*k];
	return o->sp == s->sp && o->pc == s->pc && o->bp == s->bp && o->bp_from == s->bp_from ? *k : NONE;
}

/* Takes n frames of `old` from k on; *s is the last of them. */
static void take_frames(struct backtrace *b, const struct backtrace *old, uint32_t k, uint32_t n, uint32_t had,
			struct step *s)
{
	uint64_t shift = had - old->steps[k].n_words;

	memcpy(b->frames + b->n_frames, old->frames + k, n * sizeof(*b->frames));
	for (uint32_t i = 0; i < n; i++) {
		b->steps[b->n_frames + i] = old->steps[k + i];
		b->steps[b->n_frames + i].n_words += shift;
	}
	b->n_frames += n;
	b->careful |= old->careful;
	*s = old->steps[k + n - 1];
}

/*
 * The new stack has met frame k of an old one with the same registers: takes the old one's frames from there
 * on, as far as its words hold and depth allows. True: that was all. False: *s is the last frame taken, go on.
 */
static bool resume(struct backtrace *b, const struct backtrace *old, uint32_t k, struct step *s)
{
	uint32_t n = old->n_frames - k, had = b->n_words;
	uint64_t room = options.depth - b->n_frames, to = old->n_words, held;
	bool full = n >= room, whole = !full && !(old->flags & STACK_CUT);

	if (full)
		n = (uint32_t)room;
	if (!whole)
		to = old->steps[k + n - 1].n_words;
	held = words_hold(b, old, old->steps[k].n_words, to);
	if (held < to) {
		/* The frame that the first differing word leads to, and all above it, are others. */
		while (n > 1 && old->steps[k + n - 1].n_words > held)
			n--;
		b->n_words = had + (uint32_t)(old->steps[k + n - 1].n_words - old->steps[k].n_words);
		take_frames(b, old, k, n, had, s);
		return false;
	}
	take_frames(b, old, k, n, had, s);
	if (full)
		cut(b, s->pc);
	else if (whole)
		b->flags |= old->flags & STACK_INCOMPLETE;
	return full || whole;
}

/* Adds this step's frame. The rule to go on by, or NULL: that was the last one. */
static const struct rule *add_frame(struct backtrace *b, const struct step *s, bool learn)
{
	const struct rule *rule = rule_find(s->pc);

	if (unlikely(!rule) && learn)
		rule = rule_learn(s->pc);
	if (b->steps) {
		b->steps[b->n_frames] = *s;
		b->steps[b->n_frames].n_words = b->n_words;
	}
	if (unlikely(!rule)) {
		b->frames[b->n_frames++] = s->pc & FRAME_OFFSET_MASK;
		b->cacheable = false;
		b->flags |= STACK_INCOMPLETE;
		return NULL;
	}
	if (!b->n_frames)
		b->from_loader = rule->from_loader;
	b->frames[b->n_frames++] = rule->frame;
	if (rule->kind == RULE_END)
		return NULL;
	if (b->n_frames == options.depth)
		b->flags |= STACK_CUT;
	else if (rule->kind == RULE_UNKNOWN)
		b->flags |= STACK_INCOMPLETE;
	return b->flags ? NULL : rule;
}

void backtrace_unwind(struct backtrace *b, const struct frame *f, bool learn, const struct backtrace *previous)
{
	struct step s = {f->sp, f->ra, f->bp, f->sp - STACK_BASE, 0};
	const struct rule *rule;
	uint32_t k = 0, met;

	b->sp = f->sp;
	b->cacheable = true;
	b->careful = b->from_loader = false;
	b->probed = 0;
	if (previous && !previous->cacheable)
		previous = NULL;
	note_word(b, f->sp - STACK_BASE + 8, f->ra);
	/* The leaf is stepped in any case: its rule says whether the loader called. */
	rule = add_frame(b, &s, learn);
	while (rule) {
		if (!step_by(b, rule, &s)) {
			b->flags |= STACK_INCOMPLETE;
			return;
		}
		if (!s.pc)
			return;
		met = previous ? meet(previous, &k, &s) : NONE;
		if (met == NONE) {
			rule = add_frame(b, &s, learn);
			continue;
		}
		if (resume(b, previous, met, &s))
			return;
		rule = rule_find(s.pc);
	}
}
