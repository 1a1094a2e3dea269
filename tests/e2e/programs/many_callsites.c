/*
 * Many callsites -- 16,384 different stacks of one leaf, each counted for itself.
 *
 * case: plain
 * case: sampled      set=start_delay=0s set=interval=10ms
 */
#include "books.h"

#define DEPTH 14
BOOK_AT(book_leaf, "leak_in_leaf", 0, 1 << DEPTH);

NOINLINE static void leak_in_leaf(unsigned path)
{
	void *p = book_in(&book_leaf, malloc(16 + path % 100), 16 + path % 100);

	if (path % 2)
		return;
	book_out(&book_leaf, 16 + path % 100);
	free(p);
}

NOINLINE static void left(int depth, unsigned path);

NOINLINE static void right(int depth, unsigned path)
{
	if (depth == 0) {
		leak_in_leaf(path);
	} else {
		left(depth - 1, 2 * path);
		right(depth - 1, 2 * path + 1);
	}
	BARRIER();
}

NOINLINE static void left(int depth, unsigned path)
{
	if (depth == 0) {
		leak_in_leaf(path);
	} else {
		left(depth - 1, 2 * path);
		right(depth - 1, 2 * path + 1);
	}
	BARRIER();
}

static volatile int rounds = 3; /* of one call, not of three */

int main(void)
{
	int i;

	for (i = 0; i < rounds; i++)
		left(DEPTH, 0);
	books_write();
	return 0;
}
