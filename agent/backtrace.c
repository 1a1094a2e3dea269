/*
 * Unwinding by rules, and going on from what was unwound before. See backtrace.h.
 */
#include "agent/backtrace.h"
#include "agent/callsite.h"
#include "agent/memory.h"
#include "agent/process.h"
#include "agent/rule.h"
#include "agent/sys.h"
#include "agent/thread.h"
#include <string.h>

#define FOUR(note) ((note)*UINT32_C(0x01010101))

/* Frames kept of a deep stack once its callees have returned: so that each of them need not look for one more caller.
 */
static uint32_t extended_depth(void)
{
	return (uint32_t)(options.depth + options.depth / 4);
}

bool backtrace_init(struct backtrace *b, bool kept)
{
	uint64_t room = kept ? options.depth + options.depth / 2 : options.depth, size = room * sizeof(uint64_t);
	char *memory = memory_take(6 * size + room);

	b->steps = memory_take(extended_depth() * sizeof(*b->steps));
	if (!memory || !b->steps)
		return false;
	b->sp = (uintptr_t *)memory;
	b->pc = (uintptr_t *)(memory + size);
	b->bp = (uintptr_t *)(memory + 2 * size);
	b->bp_from = (uintptr_t *)(memory + 3 * size);
	b->frame = (uint64_t *)(memory + 4 * size);
	b->hashes = (uint64_t *)(memory + 5 * size);
	b->notes = (uint8_t *)(memory + 6 * size);
	b->room = (uint32_t)room;
	return true;
}

void backtrace_forget(struct backtrace *b)
{
	b->usable = false;
}

/* On a stack of unknown bounds the kernel is asked, once a page. */
static guard_cold bool probe(struct backtrace *b, uintptr_t address)
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
	return likely(thread_stack_has(address)) || probe(b, address);
}

guard_inline uintptr_t word_at(uintptr_t address)
{
	return *(const uintptr_t *)address;
}

/* To the caller of the frame by its rule. False: that cannot be. */
guard_inline bool step_by(struct backtrace *b, const struct rule *rule, struct step *s)
{
	uintptr_t cfa = (rule->kind == RULE_BP ? s->bp : s->sp) + (uintptr_t)(intptr_t)rule->cfa, saved;

	if (unlikely(cfa <= s->sp) || !may_read(b, cfa - 8))
		return false;
	s->pc = word_at(cfa - 8);
	if (rule->saved_bp) {
		saved = cfa + (uintptr_t)(intptr_t)rule->saved_bp;
		if (unlikely(saved < s->sp) || !may_read(b, saved))
			return false;
		s->bp = word_at(saved);
		s->bp_from = saved;
	}
	s->sp = cfa;
	return true;
}

static guard_cold const struct rule *rule_unknown(struct backtrace *b, struct step *s, bool learn)
{
	const struct rule *rule = learn ? rule_learn(s->pc) : NULL;

	if (!rule) {
		s->frame = s->pc & FRAME_OFFSET_MASK;
		s->notes = 0;
		b->cacheable = false;
	}
	return rule;
}

/* Completes the step. Its rule, or NULL: there is no way on, *flags says why. */
guard_inline const struct rule *look_up(struct backtrace *b, struct step *s, bool learn, uint32_t *flags)
{
	const struct rule *rule = rule_find(s->pc);

	*flags = STACK_INCOMPLETE;
	if (unlikely(!rule) && !(rule = rule_unknown(b, s, learn)))
		return NULL;
	s->frame = rule->frame;
	s->notes = (rule->saved_bp ? SAVES_BP : 0) | (rule->from_loader ? OF_LOADER : 0);
	if (likely(rule->kind == RULE_SP))
		return rule;
	if (rule->kind == RULE_BP) {
		s->notes |= USES_BP | BP_LIVE;
		return rule;
	}
	if (rule->kind == RULE_END) {
		s->notes |= IS_LAST;
		*flags = 0;
	}
	return NULL;
}

/* The rule of a frame that is kept. */
static const struct rule *find_again(struct backtrace *b, uintptr_t pc)
{
	const struct rule *rule = rule_find(pc);

	if (unlikely(!rule))
		b->cacheable = false;
	return rule;
}

/* Is kept frame *k, or one further on, the one that this step has come to? Both have rising stack pointers. */
guard_inline bool meets(const struct backtrace *b, uint32_t *k, const struct step *s)
{
	size_t i = *k, end = b->end;

	while (i < end && b->sp[i] < s->sp)
		i++;
	*k = (uint32_t)i;
	return i < end && b->sp[i] == s->sp && b->pc[i] == s->pc &&
	       (!(b->notes[i] & BP_LIVE) || (b->bp[i] == s->bp && b->bp_from[i] == s->bp_from));
}

guard_inline uint64_t bp_differs(const struct backtrace *b, size_t i)
{
	return b->notes[i] & USES_BP ? word_at(b->bp_from[i]) ^ b->bp[i] : 0;
}

/* The first of the frames k+1..to-1 to which the stack leads no more, or `to`. Frame k is there. */
static size_t holds_until(const struct backtrace *b, size_t k, size_t to)
{
	const uintptr_t *sp = b->sp, *pc = b->pc;
	size_t i = k + 1;
	uint64_t differ;
	uint32_t notes;

	for (; i + 4 <= to; i += 4) {
		differ = (word_at(sp[i] - 8) ^ pc[i]) | (word_at(sp[i + 1] - 8) ^ pc[i + 1]) |
			 (word_at(sp[i + 2] - 8) ^ pc[i + 2]) | (word_at(sp[i + 3] - 8) ^ pc[i + 3]);
		memcpy(&notes, b->notes + i - 1, sizeof(notes));
		if (notes & FOUR(USES_BP))
			differ |= bp_differs(b, i - 1) | bp_differs(b, i) | bp_differs(b, i + 1) | bp_differs(b, i + 2);
		if (unlikely(differ))
			break;
	}
	while (i < to && word_at(sp[i] - 8) == pc[i] && !bp_differs(b, i - 1))
		i++;
	return i;
}

static bool closing_holds(const struct backtrace *b)
{
	return !bp_differs(b, b->end - 1) && (!b->zero_at || !word_at(b->zero_at));
}

/* The kept frames [from, to) become the n-th step and those after it. The number of steps. */
static uint32_t take_back(struct backtrace *b, uint32_t from, uint32_t to, uint32_t n)
{
	for (uint32_t i = from; i < to; i++)
		b->steps[n++] = (struct step){
			b->sp[i],      b->pc[i],    b->bp[i],
			b->bp_from[i], b->frame[i], (b->notes[i] & ~BP_LIVE) | (b->notes[i] & USES_BP ? BP_LIVE : 0)};
	return n;
}

#define MOVE(array, to, from, n) memmove((array) + (to), (array) + (from), (n) * sizeof(*(array)))

/* The kept frames from k on move up, for callees below them; those beyond `most` are dropped. The new k. */
static guard_cold uint32_t make_room(struct backtrace *b, uint32_t k, uint32_t most)
{
	uint32_t n = b->end - k, to;

	if (n > most) {
		n = most;
		b->closed = false;
	}
	to = b->room - n;
	MOVE(b->sp, to, k, n);
	MOVE(b->pc, to, k, n);
	MOVE(b->bp, to, k, n);
	MOVE(b->bp_from, to, k, n);
	MOVE(b->frame, to, k, n);
	MOVE(b->hashes, to, k, n);
	MOVE(b->notes, to, k, n);
	b->end = b->room;
	return to;
}

/* The n steps become the callees of kept frame k, or all there is where k is the room's end. */
static void join(struct backtrace *b, uint32_t n, uint32_t k)
{
	uint64_t hash, live;

	if (unlikely(k < n)) {
		k = make_room(b, k, (uint32_t)options.depth - n);
		b->kept = b->room;
	}
	if (b->kept < k)
		b->kept = k;
	hash = k < b->end ? b->hashes[k] : 0;
	live = k < b->end ? b->notes[k] & BP_LIVE : 0;
	b->first = k - n;
	for (size_t i = k; n--;) {
		const struct step *s = &b->steps[n];

		i--;
		live = s->notes & SAVES_BP ? s->notes & BP_LIVE : live | (s->notes & BP_LIVE);
		hash = callsite_hash_more(hash, s->frame);
		b->sp[i] = s->sp;
		b->pc[i] = s->pc;
		b->bp[i] = s->bp;
		b->bp_from[i] = s->bp_from;
		b->frame[i] = s->frame;
		b->hashes[i] = hash;
		b->notes[i] = (uint8_t)(s->notes | live);
	}
}

/*
 * The stack is to be stepped on from kept frame i: its registers to *s, where those of its callee `leaf` are. Its rbp
 * is what the last callee that saved it has on the stack now, or what *s has; the frames it came through get it too.
 */
static void go_on_from(struct backtrace *b, uint32_t i, uint32_t leaf, struct step *s)
{
	uint32_t from = i;

	while (from > leaf && !(b->notes[from - 1] & SAVES_BP))
		from--;
	if (from > leaf) {
		s->bp_from = b->bp_from[from];
		s->bp = word_at(s->bp_from);
	}
	for (; from <= i; from++) {
		b->bp[from] = s->bp;
		b->bp_from[from] = s->bp_from;
	}
	s->sp = b->sp[i];
	s->pc = b->pc[i];
}

/* On the way from the leaf: a frame that was come to, the rule of the last step. */
struct walk {
	struct step s;
	const struct rule *rule;
	uint32_t n, limit;
	uint32_t k;	/* kept frames from this on may be met */
	uint32_t flags; /* of the stack, if no rule leads on */
};

/* Come to a frame: it is noted as a step. True: the rest is what is kept from frame k on. */
guard_inline bool arrive(struct backtrace *b, struct walk *w, bool learn)
{
	uint32_t to, held;

	if (!meets(b, &w->k, &w->s)) {
		w->rule = look_up(b, &w->s, learn, &w->flags);
		b->steps[w->n++] = w->s;
		return false;
	}
	b->bp[w->k] = w->s.bp;
	b->bp_from[w->k] = w->s.bp_from;
	to = b->end - w->k < w->limit - w->n ? b->end : w->k + w->limit - w->n;
	held = (uint32_t)holds_until(b, w->k, to);
	if (held == to && (to < b->end || !b->closed || w->n + to - w->k == w->limit || closing_holds(b)))
		return true;
	go_on_from(b, held - 1, w->k, &w->s);
	w->n = take_back(b, w->k, held, w->n);
	w->k = held;
	w->rule = find_again(b, w->s.pc);
	w->flags = STACK_INCOMPLETE;
	return false;
}

/* The steps are all there is of the stack. */
static bool end_with(struct backtrace *b, struct walk *w, bool closed, uint32_t flags, uintptr_t zero_at)
{
	b->closed = closed;
	b->closed_flags = flags;
	b->zero_at = zero_at;
	w->k = b->end = b->room;
	return false;
}

/* To the next caller. False: there is none, or none is wanted. */
guard_inline bool climb(struct backtrace *b, struct walk *w)
{
	if (!w->rule)
		return end_with(b, w, true, w->flags, 0);
	if (w->n == w->limit)
		return end_with(b, w, false, 0, 0);
	if (!step_by(b, w->rule, &w->s))
		return end_with(b, w, true, STACK_INCOMPLETE, 0);
	if (unlikely(!w->s.pc))
		return end_with(b, w, true, 0, w->s.sp - 8);
	return true;
}

/* Fewer frames than option depth are left, and they have callers: takes all back, and goes on from the last. */
static guard_cold void extend(struct backtrace *b, struct walk *w, bool learn)
{
	w->limit = extended_depth();
	go_on_from(b, b->end - 1, b->first, &w->s);
	w->n = take_back(b, b->first, b->end, 0);
	w->rule = find_again(b, w->s.pc);
	w->k = b->end = b->room;
	while (climb(b, w))
		arrive(b, w, learn);
	join(b, w->n, b->room);
}

/* What is kept, as a result. */
static void tell(struct backtrace *b)
{
	uint32_t last;

	b->n_frames = b->end - b->first;
	if (b->n_frames >= options.depth) {
		b->n_frames = (uint32_t)options.depth;
		b->flags = b->notes[b->first + b->n_frames - 1] & IS_LAST ? 0 : STACK_CUT;
	} else {
		b->flags = b->closed_flags;
	}
	last = b->first + b->n_frames - 1;
	b->frames = b->frame + b->first;
	b->hash = callsite_hash_between(b->hashes[b->first], callsite_hash_less(b->hashes[last], b->frame[last]),
					b->n_frames);
	b->from_loader = b->notes[b->first] & OF_LOADER;
}

void backtrace_unwind(struct backtrace *b, const struct frame *f, bool learn)
{
	const struct step leaf = {f->sp, f->ra, f->bp, f->sp - STACK_BASE, 0, 0};
	struct walk w = {.s = leaf, .limit = (uint32_t)options.depth, .flags = STACK_INCOMPLETE};

	b->careful = !thread_stack_has(f->sp);
	if (!b->usable || b->careful)
		b->first = b->end = b->room;
	b->usable = false;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	b->leaf_sp = f->sp;
	b->cacheable = true;
	b->probed = 0;
	w.k = b->first;
	while (!arrive(b, &w, learn) && climb(b, &w))
		;
	join(b, w.n, w.k);
	if (!b->closed && b->end - b->first < options.depth) {
		w.s = leaf;
		extend(b, &w, learn);
	}
	tell(b);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	b->usable = b->cacheable && !b->careful && b->room > options.depth;
}
