/*
 * Mixed frame pointers -- functions built with and without them call each other in turn; names,
 * order and counts are right whatever rbp holds.
 *
 * Built three times: part A keeps frame pointers, part B omits them and uses rbp for its own
 * figures, main's part is as the compiler likes it.
 */
#if defined(PART_A) || defined(PART_B)
#define BOOKS_NONE
#endif
#include "books.h"

typedef void *(*step)(int depth, size_t size, uint64_t mark);
void *kept_step(int depth, size_t size, uint64_t mark);
void *omitted_step(int depth, size_t size, uint64_t mark);
void *kept_leaf(size_t size);
void *omitted_leaf(size_t size);

#ifdef PART_A
NOINLINE void *kept_leaf(size_t size)
{
	void *p = malloc(size);

	KEEP(p);
	return p;
}

NOINLINE void *kept_step(int depth, size_t size, uint64_t mark)
{
	void *p;

	if (depth == 0)
		p = kept_leaf(size);
	else
		p = depth % 3 ? omitted_step(depth - 1, size, mark + 1) : kept_step(depth - 1, size, mark + 2);
	KEEP(p);
	return p;
}
#elif defined(PART_B)
NOINLINE void *omitted_leaf(size_t size)
{
	void *p = malloc(size);

	KEEP(p);
	return p;
}

/* So many figures over a call that rbp has to hold one of them. */
NOINLINE void *omitted_step(int depth, size_t size, uint64_t mark)
{
	uint64_t a = mark * 3, b = mark * 5, c = mark * 7, d = mark * 11, e = mark * 13, f = mark * 17;
	void *p;

	KEEP(a);
	KEEP(b);
	KEEP(c);
	KEEP(d);
	KEEP(e);
	KEEP(f);
	if (depth == 0)
		p = omitted_leaf(size);
	else
		p = depth % 2 ? kept_step(depth - 1, size, mark + 1) : omitted_step(depth - 1, size, mark + 2);
	KEEP(p);
	if (a + b + c + d + e + f != mark * 56)
		abort();
	return p;
}
#else
BOOK_AT(book_kept, "kept_leaf<kept_step<omitted_step", 0, 0);
BOOK_AT(book_kept_twice, "kept_leaf<kept_step<kept_step", 0, 0);
BOOK_AT(book_omitted, "omitted_leaf<omitted_step<kept_step", 0, 0);
BOOK_AT(book_omitted_twice, "omitted_leaf<omitted_step<omitted_step", 0, 0);
BOOK_AT(book_kept_main, "kept_leaf<kept_step<main", 0, 1);
BOOK_AT(book_omitted_main, "omitted_leaf<omitted_step<main", 0, 1);

/* Walks the same way as the steps do, to know which leaf it ends in and through which callers. */
static struct book *book_of(int depth, int kept)
{
	int caller = -1;

	for (; depth > 0; depth--) {
		caller = kept;
		kept = kept ? depth % 3 == 0 : depth % 2 == 1;
	}
	if (caller < 0)
		return kept ? &book_kept_main : &book_omitted_main;
	if (kept)
		return caller ? &book_kept_twice : &book_kept;
	return caller ? &book_omitted : &book_omitted_twice;
}

int main(void)
{
	int depth, kept, round;

	for (round = 0; round < 50; round++)
		for (depth = 0; depth < 60; depth++)
			for (kept = 0; kept < 2; kept++) {
				struct book *book = book_of(depth, kept);
				size_t size = 20 + depth + round;
				step first = kept ? kept_step : omitted_step;
				void *p = book_in(book, first(depth, size, round), size);

				if ((round + depth) % 4 == 0)
					continue;
				book_out(book, size);
				free(p);
			}
	books_write();
	return 0;
}
#endif
