/*
 * After main -- atexit and on_exit handlers and destructors still allocate and free; all of it
 * counts. The last destructor writes the books.
 *
 * case: return
 * case: exit         args=exit exit=5
 */
#include "books.h"

BOOK(kept_for_atexit);
BOOK(kept_for_destructor);
BOOK(leak_in_atexit);
BOOK(leak_in_on_exit);
BOOK(leak_in_destructor);
BOOK(leak_in_constructor);
BOOK_AT(book_all, "*", 0, 0);

static void *for_atexit[100], *for_destructor[100];

static void *in(struct book *book, size_t size, void *p)
{
	return book_in(&book_all, book_in(book, p, size), size);
}

static void out(struct book *book, size_t size, void *p)
{
	book_out(book, size);
	book_out(&book_all, size);
	free(p);
}

NOINLINE static void *kept_for_atexit(void)
{
	return in(&book_kept_for_atexit, 64, malloc(64));
}

NOINLINE static void *kept_for_destructor(void)
{
	return in(&book_kept_for_destructor, 128, malloc(128));
}

NOINLINE static void leak_in_atexit(void)
{
	int i;

	in(&book_leak_in_atexit, 70, malloc(70));
	for (i = 0; i < 100; i++)
		out(&book_kept_for_atexit, 64, for_atexit[i]);
}

NOINLINE static void leak_in_on_exit(int status, void *size)
{
	in(&book_leak_in_on_exit, (size_t)size + status, malloc((size_t)size + status));
}

__attribute__((constructor(101))) NOINLINE static void leak_in_constructor(void)
{
	in(&book_leak_in_constructor, 90, malloc(90));
}

__attribute__((destructor)) NOINLINE static void leak_in_destructor(void)
{
	int i;

	in(&book_leak_in_destructor, 80, malloc(80));
	for (i = 0; i < 99; i++)
		out(&book_kept_for_destructor, 128, for_destructor[i]);
}

__attribute__((destructor(101))) static void last(void)
{
	books_write();
}

int main(int argc, char **argv)
{
	int i;

	(void)argv;
	for (i = 0; i < 100; i++) {
		for_atexit[i] = kept_for_atexit();
		for_destructor[i] = kept_for_destructor();
	}
	on_exit(leak_in_on_exit, (void *)50);
	atexit(leak_in_atexit);
	if (argc > 1)
		exit(5);
	return 0;
}
