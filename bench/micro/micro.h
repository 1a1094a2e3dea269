/*
 * What the microbenchmarks share: clocks, barriers and the one line of results.
 *
 * A run is several equal parts; the result is the part with the least CPU time, since a machine that does other
 * things only ever adds to it. Costs nothing inside the measured loop.
 */
#pragma once
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { PARTS = 7, WARM_UP = 5000 };

struct best {
	double cpu_ns, wall_ns; /* of one operation, in the best part; 0: none yet */
	double cpu_start, wall_start;
	double operations; /* of all parts; the warm-up is not in it */
};

static inline double now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static inline void best_start(struct best *b)
{
	b->wall_start = now(CLOCK_MONOTONIC);
	b->cpu_start = now(CLOCK_PROCESS_CPUTIME_ID);
}

static inline void best_stop(struct best *b, double operations)
{
	double cpu = (now(CLOCK_PROCESS_CPUTIME_ID) - b->cpu_start) / operations;
	double wall = (now(CLOCK_MONOTONIC) - b->wall_start) / operations;

	b->operations += operations;
	if (!b->cpu_ns || cpu < b->cpu_ns)
		b->cpu_ns = cpu;
	if (!b->wall_ns || wall < b->wall_ns)
		b->wall_ns = wall;
}

/* The line that bench/run reads. */
static inline void best_print(const struct best *b)
{
	printf("\nmicro cpu_ns=%.3f wall_ns=%.3f operations=%.0f\n", b->cpu_ns, b->wall_ns, b->operations);
}

/* The compiler takes p for used, and memory for changed. */
static inline void keep(void *p)
{
	__asm__ volatile("" : : "r"(p) : "memory");
}

static inline long argument(int argc, char **argv, int i, long otherwise)
{
	return argc > i ? atol(argv[i]) : otherwise;
}

/* xorshift: the same numbers in each run. */
static inline uint32_t draw(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}
