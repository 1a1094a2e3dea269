/*
 * malloc_usable_size -- what it says may be written, to the last byte; what counts is what was
 * asked for.
 *
 * case: glibc
 * case: jemalloc     preload=libjemalloc.so.2
 * case: mimalloc     preload=libmimalloc.so.2
 */
#include "books.h"
#include <malloc.h>

BOOK(leak_filled);
BOOK(resize_filled);

NOINLINE static void *leak_filled(size_t size)
{
	unsigned char *p = book_in(&book_leak_filled, malloc(size), size);
	size_t usable = malloc_usable_size(p);

	if (usable < size)
		abort();
	memset(p, 0xa5, usable);
	return p;
}

NOINLINE static void *resize_filled(void *old, size_t size)
{
	unsigned char *p = book_in(&book_resize_filled, realloc(old, size), size);

	memset(p, 0x5a, malloc_usable_size(p));
	return p;
}

int main(void)
{
	static void *blocks[2000];
	int i;

	for (i = 0; i < 2000; i++)
		blocks[i] = leak_filled(i);
	for (i = 0; i < 2000; i += 3) {
		book_out(&book_leak_filled, i);
		blocks[i] = resize_filled(blocks[i], 1 + (i * 7) % 3000);
	}
	for (i = 1; i < 2000; i += 3) {
		book_out(&book_leak_filled, i);
		free(blocks[i]);
	}
	books_write();
	return 0;
}
