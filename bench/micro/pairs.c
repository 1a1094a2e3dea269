/*
 * pairs DEPTH PAIRS [PARTS]: the cost of malloc and free of 64 bytes, one after the other, DEPTH calls below main.
 *
 * The stack is the same each time: the best case of whoever remembers stacks, the plain case of whoever unwinds them.
 */
#include "micro.h"

static struct best best;

static void __attribute__((noinline)) pairs(long n)
{
	for (long i = 0; i < n; i++) {
		void *p = malloc(64);

		keep(p);
		free(p);
	}
}

static void __attribute__((noinline)) descend(long depth, long n)
{
	if (depth > 0)
		descend(depth - 1, n);
	else
		pairs(n);
	keep(&depth); /* no tail call: each level has a frame */
}

int main(int argc, char **argv)
{
	long depth = argument(argc, argv, 1, 20), n = argument(argc, argv, 2, 100000),
	     parts = argument(argc, argv, 3, PARTS);

	descend(depth, WARM_UP);
	for (long i = 0; i < parts; i++) {
		best_start(&best);
		descend(depth, n);
		best_stop(&best, n);
	}
	best_print(&best);
	return 0;
}
