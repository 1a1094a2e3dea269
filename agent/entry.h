/*
 * Entries -- what is remembered of a stack: the words that it was unwound from, and its callsite.
 *
 * Words are counted in eights from the root: parts, which are shared by all stacks that go on from the same frame, so
 * that many stacks of a few roots are a few lines of the CPU's caches. What is left over at the leaf is in the entry
 * itself. Each word is a value and a place, its distance from the leaf where it was first met.
 *
 * Entries and parts are never changed; all of a table go at once.
 */
#pragma once
#include "agent/backtrace.h"
#include "agent/thread.h"
#include <emmintrin.h>

#define STACK_CAREFUL 1u /* in an entry's sp, which is never odd: the stack's bounds are not known */
#define STACK_PART 8u	 /* words */

/* Words, from the leaf's side, each of which shows that the next may be read. */
struct stack_words {
	uint64_t values[STACK_PART] __attribute__((aligned(16)));
	uint16_t places[STACK_PART];
};

struct stack_part {
	const struct stack_part *rest; /* towards the root; NULL: the root is here */
	const uint64_t *base;	       /* of the places */
	struct stack_words words;
};

struct stack_entry {
	uintptr_t sp;
	struct region_cell *cell;
	uint32_t word;	 /* of the block map, without the size */
	uint32_t missed; /* times that another stack of this leaf was here */
	const struct stack_part *rest;
	struct stack_words words; /* fewer than STACK_PART: the first is repeated; places from sp - STACK_BASE */
};

/* What differs between two remembered words and those that are there. */
guard_inline __m128i words_two_differ(const struct stack_words *words, const uint64_t *base, unsigned i)
{
	__m128i two = _mm_loadl_epi64((const __m128i *)(base + words->places[i]));

	two = _mm_castpd_si128(_mm_loadh_pd(_mm_castsi128_pd(two), (const double *)(base + words->places[i + 1])));
	return _mm_xor_si128(two, *(const __m128i *)(words->values + i));
}

guard_inline __m128i words_differ(const struct stack_words *words, const uint64_t *base)
{
	return _mm_or_si128(_mm_or_si128(words_two_differ(words, base, 0), words_two_differ(words, base, 2)),
			    _mm_or_si128(words_two_differ(words, base, 4), words_two_differ(words, base, 6)));
}

/* Do all words hold? Reads all of them, which a stack of known bounds allows. Three instructions a word. */
guard_inline bool entry_holds(const struct stack_entry *e, const uint64_t *base)
{
	__m128i differ = words_differ(&e->words, base);

	for (const struct stack_part *part = e->rest; part; part = part->rest)
		differ = _mm_or_si128(differ, words_differ(&part->words, part->base));
	return _mm_movemask_epi8(_mm_cmpeq_epi8(differ, _mm_setzero_si128())) == 0xffff;
}

/* The same where the bounds need not be known: reads nothing behind the first word that differs. */
bool entry_holds_carefully(const struct stack_entry *e, const uint64_t *base);

/* The shard's memory for entries begins anew: nothing of before is shared. Context: thread_enter(). */
void entries_begin(struct shard *shard);

/*
 * The words of this backtrace. What it shares with the last one that this was asked for is shared. NULL: no room.
 * Context: thread_enter(), not nested.
 */
struct stack_entry *entry_make(struct shard *shard, uintptr_t sp, const struct backtrace *b);

/* Can its words be told by places? */
bool entry_is_possible(const struct backtrace *b);

/*
 * The first word, from the leaf, in which two stacks of one sp differ: its place, and what each has there. False:
 * before that they differ in where the next one is, or nowhere, or it is too far away.
 */
struct entry_difference {
	uint16_t place;
	uint64_t one, other;
};
bool entries_differ(const struct stack_entry *one, const struct stack_entry *other, struct entry_difference *d);
