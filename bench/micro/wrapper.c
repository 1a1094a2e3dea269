/*
 * wrapper PAIRS [PARTS]: the cost of a pair whose malloc is in a wrapper (xmalloc) that 500 functions call in random
 * order.
 *
 * The stack pointer and the return address into the wrapper tell the callers apart no more than a bad key would: this
 * is the worst case of a key made of those two.
 */
#include "micro.h"

#define CALLER(n)                                                                                                      \
	static void *__attribute__((noinline)) caller_##n(size_t size)                                                 \
	{                                                                                                              \
		void *p = xmalloc(size + n % 7);                                                                       \
                                                                                                                       \
		keep(p);                                                                                               \
		return p;                                                                                              \
	}
#define TEN(of, n) of(n##0) of(n##1) of(n##2) of(n##3) of(n##4) of(n##5) of(n##6) of(n##7) of(n##8) of(n##9)
#define HUNDRED(of, n)                                                                                                 \
	TEN(of, n##0)                                                                                                  \
	TEN(of, n##1)                                                                                                  \
	TEN(of, n##2)                                                                                                  \
	TEN(of, n##3)                                                                                                  \
	TEN(of, n##4)                                                                                                  \
	TEN(of, n##5)                                                                                                  \
	TEN(of, n##6)                                                                                                  \
	TEN(of, n##7)                                                                                                  \
	TEN(of, n##8)                                                                                                  \
	TEN(of, n##9)
#define ALL(of) HUNDRED(of, 1) HUNDRED(of, 2) HUNDRED(of, 3) HUNDRED(of, 4) HUNDRED(of, 5)
#define NAME(n) caller_##n,

enum { WINDOW = 256 };

static void *__attribute__((noinline)) xmalloc(size_t size)
{
	void *p = malloc(size);

	if (!p)
		abort();
	keep(p);
	return p;
}

ALL(CALLER)

static void *(*const callers[])(size_t) = {ALL(NAME)};
static void *window[WINDOW];

static void __attribute__((noinline)) run(long pairs)
{
	uint32_t state = 1;

	for (long i = 0; i < pairs; i++) {
		free(window[i % WINDOW]);
		window[i % WINDOW] = callers[draw(&state) % (sizeof(callers) / sizeof(*callers))](48);
	}
}

int main(int argc, char **argv)
{
	long pairs = argument(argc, argv, 1, 100000), parts = argument(argc, argv, 2, PARTS);
	struct best best = {0};

	run(WARM_UP);
	for (long i = 0; i < parts; i++) {
		best_start(&best);
		run(pairs);
		best_stop(&best, pairs);
	}
	best_print(&best);
	return 0;
}
