/*
 * Modules that come and go -- a callsite in an unloaded module keeps its module; another module at
 * the same address is another callsite.
 *
 * Built three times: the modules first_plugin and second_plugin are the same code under two
 * names, so that the loader puts one where the other was.
 *
 * case: plain
 * case: sampled      set=start_delay=0s set=interval=10ms
 */
#ifdef PLUGIN
#define BOOKS_NONE
#endif
#include "books.h"

#ifdef PLUGIN
void *make_in_plugin(size_t size);

NOINLINE static void *leak_in_plugin(size_t size)
{
	void *p = malloc(size);

	KEEP(p);
	return p;
}

void *make_in_plugin(size_t size)
{
	void *p = leak_in_plugin(size);

	KEEP(p);
	return p;
}
#else
#include <dlfcn.h>
#include <limits.h>

#define ROUNDS 12
BOOK_AT(book_first, "leak_in_plugin<make_in_plugin<use@first_plugin.so", 0, 0);
BOOK_AT(book_second, "leak_in_plugin<make_in_plugin<use@second_plugin.so", 0, 0);
BOOK_AT(book_both, "leak_in_plugin", 0, 0);

static void *kept[ROUNDS][40];

NOINLINE static void use(void *module, struct book *book, int round)
{
	void *(*make)(size_t) = (void *(*)(size_t))dlsym(module, "make_in_plugin");
	int i;

	for (i = 0; i < 40; i++) {
		kept[round][i] = book_in(book, make(100 + round), 100 + round);
		book_in(&book_both, kept[round][i], 100 + round);
	}
}

/* Frees some of the blocks of a round, whose module is gone. */
static void release(struct book *book, int round)
{
	int i;

	for (i = 0; i < 30; i++) {
		book_out(book, 100 + round);
		book_out(&book_both, 100 + round);
		free(kept[round][i]);
	}
}

int main(int argc, char **argv)
{
	char path[PATH_MAX];
	int round, length = (int)(strrchr(argv[0], '/') - argv[0]);

	(void)argc;
	for (round = 0; round < ROUNDS; round++) {
		struct book *book = round % 2 ? &book_second : &book_first;
		void *module;

		snprintf(path, sizeof(path), "%.*s/%s_plugin.so", length, argv[0], round % 2 ? "second" : "first");
		module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
		if (!module)
			abort();
		use(module, book, round);
		dlclose(module);
		if (round >= 2)
			release(book, round - 2);
	}
	books_write();
	return 0;
}
#endif
