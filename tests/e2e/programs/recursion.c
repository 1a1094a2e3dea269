/*
 * Recursion of 200 -- stacks are cut at the depth option (64), at the root end, and marked; the
 * leaf's frames and all counts stay right, also where a long recursion leaks at many depths.
 *
 * case: default      cut=leak_deep
 * case: deep         args=straight set=depth=300 uncut=leak_deep
 * case: shallow      set=depth=4 cut=leak_deep
 * case: sampled      set=start_delay=0s set=interval=10ms
 */
#include "books.h"

BOOK_AT(book_leak_deep, "leak_deep<descend<descend", 0, 0);
BOOK_AT(book_leak_everywhere, "leak_everywhere<wander<wander", 0, 0);

NOINLINE static void leak_deep(int i)
{
	void *p = book_in(&book_leak_deep, malloc(100 + i), 100 + i);

	if (i % 2)
		return;
	book_out(&book_leak_deep, 100 + i);
	free(p);
}

NOINLINE static int descend(int depth, int i)
{
	if (depth == 0)
		leak_deep(i);
	else
		i += descend(depth - 1, i);
	KEEP(i);
	return i;
}

NOINLINE static void leak_everywhere(int depth)
{
	void *p = book_in(&book_leak_everywhere, malloc(40 + depth % 8), 40 + depth % 8);

	KEEP(p);
	if (depth % 10 == 0)
		return;
	book_out(&book_leak_everywhere, 40 + depth % 8);
	free(p);
}

/* Up and down in irregular waves, allocating at each turn. */
NOINLINE static int wander(int depth, unsigned *random)
{
	int i, n;

	*random = *random * 1664525 + 1013904223;
	n = depth == 0 ? 0 : 1 + (*random >> 30) % 2;
	if (depth < 150)
		leak_everywhere(depth);
	for (i = 0; i < n && (i == 0 || depth % 16 == 0); i++)
		n += wander(depth - 1, random) & 0;
	KEEP(n);
	return n;
}

int main(int argc, char **argv)
{
	unsigned random = 4711;
	int i;

	for (i = 0; i < 100; i++)
		descend(200, i);
	(void)argv;
	for (i = 0; i < 20 && argc == 1; i++) /* makes 20,000 stacks: not with 200 frames each */
		wander(200, &random);
	books_write();
	return 0;
}
