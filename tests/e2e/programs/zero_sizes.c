/*
 * Zero sizes -- malloc(0) is a block of no bytes, realloc(p, 0) is a free, free(NULL) is nothing.
 *
 * heaptrack, memray and async-profiler never record the free that realloc(p, 0) is.
 */
#include "books.h"

#define ROUNDS 100
BOOK(leak_malloc_zero);
BOOK(leak_calloc_zero);
BOOK(leak_realloc_null_zero);
BOOK(freed_by_realloc);
BOOK(kept_after_realloc);
BOOK_AT(book_all, "*", 0, 0);

static void *in(struct book *book, void *p, size_t size)
{
	return book_in(&book_all, book_in(book, p, size), size);
}

static void out(struct book *book, size_t size)
{
	book_out(book, size);
	book_out(&book_all, size);
}

NOINLINE static void leak_malloc_zero(void)
{
	in(&book_leak_malloc_zero, malloc(0), 0);
	free(NULL);
}

NOINLINE static void leak_calloc_zero(void)
{
	in(&book_leak_calloc_zero, calloc(0, 100), 0);
	in(&book_leak_calloc_zero, calloc(100, 0), 0);
}

NOINLINE static void leak_realloc_null_zero(void)
{
	in(&book_leak_realloc_null_zero, realloc(NULL, 0), 0);
}

NOINLINE static void freed_by_realloc(void)
{
	volatile size_t zero = 0;
	void *p = in(&book_freed_by_realloc, malloc(1000), 1000);

	p = realloc(p, zero);
	if (p)
		in(&book_freed_by_realloc, p, 0); /* another allocator's way */
	out(&book_freed_by_realloc, 1000);
}

/* The addresses that realloc(p, 0) gave back are used again, and leak. */
NOINLINE static void kept_after_realloc(void)
{
	in(&book_kept_after_realloc, malloc(1000), 1000);
}

int main(void)
{
	int i;

	for (i = 0; i < ROUNDS; i++) {
		leak_malloc_zero();
		leak_calloc_zero();
		leak_realloc_null_zero();
		freed_by_realloc();
	}
	for (i = 0; i < ROUNDS / 2; i++)
		kept_after_realloc();
	books_write();
	return 0;
}
