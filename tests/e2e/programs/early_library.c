/*
 * A library that is there before the agent -- its constructor runs before the agent's and its
 * destructor after it; what they allocate and free counts, too.
 *
 * Built twice: with LIBRARY as a shared library that main's part needs.
 *
 * case: plain
 * case: sampled      set=start_delay=0s set=interval=10ms
 */
#ifndef LIBRARY
#define BOOKS_NONE
#endif
#include "books.h"

void early_work(void);

#ifdef LIBRARY
BOOK(made_by_constructor);
BOOK(leak_by_destructor);
BOOK(made_in_main);
BOOK_AT(book_early_work, "early_work<main", 0, 0);

static void *early[200], *later[200];

__attribute__((constructor(101))) NOINLINE static void made_by_constructor(void)
{
	int i;

	for (i = 0; i < 200; i++)
		early[i] = book_in(&book_made_by_constructor, malloc(100 + i), 100 + i);
	for (i = 0; i < 50; i++) {
		book_out(&book_made_by_constructor, 100 + i);
		free(early[i]);
	}
}

NOINLINE static void made_in_main(void)
{
	int i;

	for (i = 0; i < 200; i++)
		later[i] = book_in(&book_made_in_main, malloc(30 + i), 30 + i);
}

void early_work(void)
{
	int i;

	made_in_main();
	for (i = 50; i < 100; i++) {
		book_out(&book_made_by_constructor, 100 + i);
		early[i] = book_in(&book_early_work, realloc(early[i], 10), 10);
		book_out(&book_early_work, 10);
		free(early[i]);
	}
	BARRIER();
}

__attribute__((destructor(101))) NOINLINE static void leak_by_destructor(void)
{
	int i;

	for (i = 100; i < 150; i++) {
		book_out(&book_made_by_constructor, 100 + i);
		free(early[i]);
		book_out(&book_made_in_main, 30 + i);
		free(later[i]);
	}
	book_in(&book_leak_by_destructor, malloc(77), 77);
	books_write();
}
#else
int main(void)
{
	early_work();
	return 0;
}
#endif
