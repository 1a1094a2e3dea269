/*
 * growth BUFFERS: the cost of a realloc of a buffer that grows from 16 bytes to 64 KB, by a sixteenth each time.
 *
 * Four buffers grow in turn, so that most steps in place and some moves are in it, as with strings and arrays.
 */
#include "micro.h"

enum { N_GROWING = 4, SMALLEST = 16, LARGEST = 64 * 1024 };

static long __attribute__((noinline)) grow(long buffers)
{
	long operations = 0;

	for (long i = 0; i < buffers; i += N_GROWING) {
		char *growing[N_GROWING] = {0};

		for (size_t size = SMALLEST; size < LARGEST; size += size / 16 + 8)
			for (int k = 0; k < N_GROWING; k++, operations++) {
				growing[k] = realloc(growing[k], size);
				keep(growing[k]);
			}
		for (int k = 0; k < N_GROWING; k++)
			free(growing[k]);
	}
	return operations;
}

int main(int argc, char **argv)
{
	long buffers = argument(argc, argv, 1, 400);
	struct best best = {0};

	grow(N_GROWING);
	for (int part = 0; part < PARTS; part++) {
		best_start(&best);
		best_stop(&best, grow(buffers));
	}
	best_print(&best);
	return 0;
}
