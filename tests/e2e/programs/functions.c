/*
 * Every allocation function -- each call is counted once, with the bytes that the caller asked for.
 *
 * Each leak_* function makes blocks with one function of libc, frees some and leaks the others.
 * reallocarray, strdup, strndup and getline reach the allocator through libc: once, too.
 *
 * case: glibc
 * case: one-arena    env=MALLOC_ARENA_MAX=1
 * case: no-tcache    env=GLIBC_TUNABLES=glibc.malloc.tcache_count=0
 */
#include "books.h"
#include <malloc.h>

#define ROUNDS 10
BOOK(leak_malloc);
BOOK(leak_calloc);
BOOK(leak_realloc);
BOOK(leak_reallocarray);
BOOK(leak_posix_memalign);
BOOK(leak_aligned_alloc);
BOOK(leak_memalign);
BOOK(leak_valloc);
BOOK(leak_pvalloc);
BOOK(leak_strdup);
BOOK(leak_strndup);
BOOK_AT(book_leak_getline, "leak_getline", 1, 0);
BOOK_AT(book_mallocs, "leak_malloc<leak_all<main", 0, 0);

/* Frees every third block of the function, leaks the others. */
static void settle(struct book *book, void *p, size_t size, int i)
{
	book_in(book, p, size);
	if (i % 3)
		return;
	book_out(book, size);
	free(p);
}

NOINLINE static void leak_malloc(int i)
{
	void *p = malloc(100 + i);

	book_in(&book_mallocs, p, 100 + i);
	if (i % 3 == 0)
		book_out(&book_mallocs, 100 + i);
	settle(&book_leak_malloc, p, 100 + i, i);
}

NOINLINE static void leak_calloc(int i)
{
	settle(&book_leak_calloc, calloc(7, 10 + i), 7 * (10 + i), i);
}

/* Grows and shrinks, in place and not, over the mmap threshold and back. */
NOINLINE static void leak_realloc(int i)
{
	static const size_t sizes[] = {24, 3000, 200000, 1 << 20, 500000, 1000, 17};
	struct book *book = &book_leak_realloc;
	void *p = NULL;
	size_t size = 0, k;

	for (k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
		if (p)
			book_out(book, size);
		size = sizes[k] + i;
		p = book_in(book, realloc(p, size), size);
	}
	if (i % 3)
		return;
	book_out(book, size);
	free(p);
}

NOINLINE static void leak_reallocarray(int i)
{
	void *p = book_in(&book_leak_reallocarray, reallocarray(NULL, 5, 10), 50);

	book_out(&book_leak_reallocarray, 50);
	settle(&book_leak_reallocarray, reallocarray(p, 9, 100 + i), 9 * (100 + i), i);
}

NOINLINE static void leak_posix_memalign(int i)
{
	void *p = NULL;

	if (posix_memalign(&p, 256, 1000 + i))
		abort();
	settle(&book_leak_posix_memalign, p, 1000 + i, i);
}

NOINLINE static void leak_aligned_alloc(int i)
{
	settle(&book_leak_aligned_alloc, aligned_alloc(64, 640), 640, i);
}

NOINLINE static void leak_memalign(int i)
{
	settle(&book_leak_memalign, memalign(4096, 100 + i), 100 + i, i);
}

NOINLINE static void leak_valloc(int i)
{
	settle(&book_leak_valloc, valloc(200 + i), 200 + i, i);
}

NOINLINE static void leak_pvalloc(int i)
{
	settle(&book_leak_pvalloc, pvalloc(5000 + i), 5000 + i, i);
}

NOINLINE static void leak_strdup(int i)
{
	settle(&book_leak_strdup, strdup("twenty-three characters"), 24, i);
}

NOINLINE static void leak_strndup(int i)
{
	settle(&book_leak_strndup, strndup("twenty-three characters", 6), 7, i);
}

/* The buffer's final capacity is what getline asked for last. */
NOINLINE static void leak_getline(FILE *file)
{
	char *line = NULL;
	size_t size = 0;

	rewind(file);
	if (getline(&line, &size, file) < 1000)
		abort();
	book_in(&book_leak_getline, line, size);
}

NOINLINE static FILE *open_lines(void)
{
	static char buffer[4096];
	FILE *file = tmpfile();
	int i;

	if (!file)
		abort();
	setvbuf(file, buffer, _IOFBF, sizeof(buffer));
	for (i = 0; i < 1000; i++)
		fputc('x', file);
	fputc('\n', file);
	return file;
}

NOINLINE static void leak_all(int i)
{
	leak_malloc(i);
	leak_calloc(i);
	leak_realloc(i);
	leak_reallocarray(i);
	leak_posix_memalign(i);
	leak_aligned_alloc(i);
	leak_memalign(i);
	leak_valloc(i);
	leak_pvalloc(i);
	leak_strdup(i);
	leak_strndup(i);
	BARRIER();
}

int main(void)
{
	FILE *file = open_lines();
	int i;

	for (i = 0; i < ROUNDS; i++) {
		leak_all(i);
		leak_getline(file);
	}
	fclose(file);
	books_write();
	return 0;
}
