/*
 * Large blocks -- 4 GiB and more, never touched; around the limits of 32 bits to the byte.
 *
 * skip-exit: 77
 */
#include "books.h"

#define G ((size_t)1 << 30)
BOOK(leak_large);
BOOK(resize_large);
BOOK(free_large);

NOINLINE static void leak_large(size_t size)
{
	if (!book_in(&book_leak_large, malloc(size), size))
		_exit(77);
}

NOINLINE static void resize_large(void)
{
	void *p = book_in(&book_resize_large, malloc(5 * G + 1), 5 * G + 1), *q;

	if (!p)
		_exit(77);
	q = realloc(p, 6 * G + 7);
	if (!q)
		_exit(77);
	book_out(&book_resize_large, 5 * G + 1);
	book_in(&book_resize_large, q, 6 * G + 7);
	q = realloc(q, 100);
	book_out(&book_resize_large, 6 * G + 7);
	book_in(&book_resize_large, q, 100);
}

NOINLINE static void free_large(size_t size)
{
	void *p = book_in(&book_free_large, calloc(1, size), size);

	if (!p)
		_exit(77);
	KEEP(p);
	book_out(&book_free_large, size);
	free(p);
}

int main(void)
{
	int i;

	leak_large(5 * G);
	leak_large(4 * G - 1);
	leak_large(4 * G);
	leak_large(4 * G + 1);
	for (i = 0; i < 20; i++) {
		free_large(4 * G + i);
		free_large(4 * G - i);
	}
	resize_large();
	books_write();
	return 0;
}
