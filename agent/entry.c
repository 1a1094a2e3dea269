/*
 * Making and comparing entries. See entry.h.
 */
#include "agent/entry.h"
#include <string.h>

void entries_begin(struct shard *shard)
{
	shard->entries_used = 0;
	shard->last_rest = NULL;
	shard->n_last_rest = 0;
}

/* Sizes are multiples of 16. */
static void *entries_take(struct shard *shard, uint64_t size)
{
	if (shard->entries_used + size > shard->entries_size)
		return NULL;
	return shard->entries + counter_fetch_add(&shard->entries_used, size);
}

/* Is the closing of the stack no part of the result? */
static bool is_cut(const struct backtrace *b)
{
	return b->n_frames == options.depth;
}

/* Of how many of the kept frames [from, to) a saved rbp is read. Most code has none. */
static uint32_t count_bp(const struct backtrace *b, uint32_t from, uint32_t to)
{
	const uint8_t *notes = b->notes + from, *end = b->notes + to;
	uint32_t n = 0;

	for (uint64_t eight; notes + sizeof(eight) <= end; notes += sizeof(eight)) {
		memcpy(&eight, notes, sizeof(eight));
		eight &= UINT64_C(0x0101010101010101) * USES_BP;
		if (unlikely(eight))
			n += (uint32_t)(eight * UINT64_C(0x0101010101010101) >> 56);
	}
	while (notes < end)
		n += *notes++ & USES_BP;
	return n;
}

/* Does the result depend on the zero that closes the stack? */
static bool has_zero(const struct backtrace *b)
{
	return !is_cut(b) && b->zero_at;
}

bool entry_is_possible(const struct backtrace *b)
{
	uintptr_t last = has_zero(b) ? b->zero_at : b->sp[b->first + b->n_frames - 1] - 8;

	return (last - b->leaf_sp + STACK_BASE) / 8 <= UINT16_MAX;
}

/* Does it end at the root, and stay for the next? */
static bool shares(const struct shard *shard, const struct backtrace *b)
{
	return !b->careful && !is_cut(b) && b->sp == shard->backtrace.sp;
}

/* How many words there are, and where. */
struct shape {
	uint32_t own;	 /* in the entry */
	uint32_t parts;	 /* behind them */
	uint32_t shared; /* of these, those that are there already */
};

/* A stack that is cut ends anywhere, so its parts are its own. */
static struct shape shape_of(const struct shard *shard, const struct backtrace *b)
{
	uint32_t stepped = b->first + b->n_frames - is_cut(b), kept = b->first, above, below, n;
	struct shape shape;

	if (kept < shard->backtrace.kept)
		kept = shard->backtrace.kept;
	if (!shares(shard, b))
		kept = stepped;
	above = stepped - kept + count_bp(b, kept, stepped) + has_zero(b);
	below = kept - b->first + count_bp(b, b->first, kept) + is_cut(b);
	n = above + below - 1;
	shape = (struct shape){n % STACK_PART + 1, n / STACK_PART, above / STACK_PART};
	if (shape.shared > shape.parts)
		shape.shared = shape.parts;
	if (shape.shared > shard->n_last_rest)
		shape.shared = shard->n_last_rest;
	return shape;
}

/* Where the next word goes. */
struct sink {
	struct stack_words *words;
	uint32_t i, end;
	struct stack_part *next;
	uintptr_t base;
};

guard_inline void put_word(struct sink *sink, uint64_t value, uintptr_t address)
{
	if (sink->i == sink->end) {
		sink->words = &sink->next++->words;
		sink->i = 0;
		sink->end = STACK_PART;
	}
	sink->words->values[sink->i] = value;
	sink->words->places[sink->i++] = (uint16_t)((address - sink->base) / 8);
}

/* The first n words, in the order in which each shows that the next may be read. */
static void put_words(const struct backtrace *b, struct sink sink, uint32_t n)
{
	const uintptr_t *sp = b->sp + b->first, *pc = b->pc + b->first;
	const uint8_t *notes = b->notes + b->first;
	uint32_t n_frames = b->n_frames;

	for (uint32_t i = 0; n && i < n_frames; i++) {
		put_word(&sink, pc[i], sp[i] - 8);
		if (--n && unlikely(notes[i] & USES_BP) && i < n_frames - is_cut(b)) {
			put_word(&sink, b->bp[b->first + i], b->bp_from[b->first + i]);
			n--;
		}
	}
	if (n)
		put_word(&sink, 0, b->zero_at);
}

/* The parts from that of the n-th last on, of the stack that was remembered last. */
static const struct stack_part *last_rest(const struct shard *shard, uint32_t n)
{
	const struct stack_part *part = shard->last_rest;

	for (uint32_t i = shard->n_last_rest; i > n; i--)
		part = part->rest;
	return part;
}

struct stack_entry *entry_make(struct shard *shard, uintptr_t sp, const struct backtrace *b)
{
	const struct shape shape = shape_of(shard, b);
	uint32_t fresh = shape.parts - shape.shared;
	struct stack_entry *e = entries_take(shard, sizeof(*e) + fresh * sizeof(struct stack_part));
	struct stack_part *parts = (struct stack_part *)(e + 1);
	uintptr_t base = b->leaf_sp - STACK_BASE;

	if (!e)
		return NULL;
	e->sp = b->careful ? sp | STACK_CAREFUL : sp;
	put_words(b, (struct sink){&e->words, 0, shape.own, parts, base}, shape.own + fresh * STACK_PART);
	for (uint32_t i = shape.own; i < STACK_PART; i++) {
		e->words.values[i] = e->words.values[0];
		e->words.places[i] = e->words.places[0];
	}
	e->rest = shape.shared ? last_rest(shard, shape.shared) : NULL;
	for (struct stack_part *part = parts + fresh; part-- > parts; e->rest = part) {
		part->rest = e->rest;
		part->base = (const uint64_t *)base;
	}
	if (shares(shard, b)) {
		shard->last_rest = e->rest;
		shard->n_last_rest = shape.parts;
		shard->backtrace.kept = b->first;
	}
	return e;
}

bool entry_holds_carefully(const struct stack_entry *e, const uint64_t *base)
{
	const struct stack_words *words = &e->words;

	for (const struct stack_part *part = e->rest;; base = part->base, words = &part->words, part = part->rest) {
		for (unsigned i = 0; i < STACK_PART; i++)
			if (base[words->places[i]] != words->values[i])
				return false;
		if (!part)
			return true;
	}
}

/* On the way through an entry's words, from the leaf. */
struct reading {
	const struct stack_words *words;
	const uint64_t *base;
	const struct stack_part *rest;
	uint32_t i, end;
};

static struct reading read_first(const struct stack_entry *e)
{
	uint32_t n = STACK_PART;

	while (n > 1 && e->words.places[n - 1] == e->words.places[0])
		n--;
	return (struct reading){&e->words, (const uint64_t *)(e->sp - STACK_BASE), e->rest, 0, n};
}

/* False: there is no further word. */
static bool read_next(struct reading *r)
{
	if (++r->i < r->end)
		return true;
	if (!r->rest)
		return false;
	*r = (struct reading){&r->rest->words, r->rest->base, r->rest->rest, 0, STACK_PART};
	return true;
}

static const uint64_t *read_address(const struct reading *r)
{
	return r->base + r->words->places[r->i];
}

bool entries_differ(const struct stack_entry *one, const struct stack_entry *other, struct entry_difference *d)
{
	struct reading r = read_first(one), s = read_first(other);
	const uint64_t *base = r.base;

	do {
		uint64_t place = (uint64_t)(read_address(&r) - base), v = r.words->values[r.i],
			 w = s.words->values[s.i];

		if (read_address(&r) != read_address(&s))
			return false;
		if (v != w) {
			*d = (struct entry_difference){(uint16_t)place, v, w};
			return place <= UINT16_MAX;
		}
	} while (read_next(&r) && read_next(&s));
	return false;
}
