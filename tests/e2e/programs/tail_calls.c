/*
 * Tail calls -- a function that ends in a jump has no frame; the stack names who is really there.
 *
 * Built with -O2, so that calls in tail position are jumps, one of them to malloc itself.
 */
#include "books.h"

BOOK_AT(book_direct, "calls_wrapper<main", 0, 1);
BOOK_AT(book_second, "second<calls_first<main", 0, 1);
BOOK_AT(book_cycle, "end_of_cycle<calls_cycle<main", 0, 1);
BOOK_AT(book_resize, "calls_resizer<main", 0, 0);

NOINLINE static void *wrapper(size_t size)
{
	return malloc(size);
}

NOINLINE static void *resizer(void *p, size_t size)
{
	return realloc(p, size);
}

NOINLINE static void *calls_wrapper(size_t size)
{
	void *p = book_in(&book_direct, wrapper(size), size);

	KEEP(p);
	return p;
}

NOINLINE static void *calls_resizer(size_t size)
{
	void *p = book_in(&book_resize, resizer(NULL, size), size);

	book_out(&book_resize, size);
	p = book_in(&book_resize, resizer(p, 2 * size), 2 * size);
	return p;
}

NOINLINE static void *second(size_t size)
{
	void *p = malloc(size);

	KEEP(p);
	return p;
}

NOINLINE static void *first(size_t size)
{
	BARRIER();
	return second(size + 1);
}

NOINLINE static void *calls_first(size_t size)
{
	void *p = book_in(&book_second, first(size), size + 1);

	KEEP(p);
	return p;
}

NOINLINE static void *end_of_cycle(size_t size)
{
	void *p = malloc(size);

	KEEP(p);
	return p;
}

NOINLINE static void *there(int n, size_t size);

NOINLINE static void *back(int n, size_t size)
{
	BARRIER();
	return n ? there(n - 1, size) : end_of_cycle(size);
}

NOINLINE static void *there(int n, size_t size)
{
	BARRIER();
	return n ? back(n - 1, size) : end_of_cycle(size);
}

NOINLINE static void *calls_cycle(int n, size_t size)
{
	void *p = book_in(&book_cycle, there(n, size), size);

	KEEP(p);
	return p;
}

int main(void)
{
	int i;

	for (i = 0; i < 100; i++) {
		void *p = calls_wrapper(40 + i);

		if (i % 2) {
			book_out(&book_direct, 40 + i);
			free(p);
		}
		calls_first(50 + i);
		calls_resizer(60 + i);
		calls_cycle(i * 10, 70 + i);
	}
	books_write();
	return 0;
}
