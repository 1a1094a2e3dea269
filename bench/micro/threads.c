/*
 * threads own|handover THREADS PAIRS: the cost of malloc and free in several threads at once, 10 calls deep.
 *
 * own: each thread frees what it allocated, from a window of 64 live blocks. handover: every second thread only
 * allocates and hands the blocks to its neighbour, which only frees them. The CPU time of all threads is divided by all
 * pairs: more threads cost more only where they disturb each other.
 */
#include "micro.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

enum { WINDOW = 64, RING = 1024, MAX_THREADS = 64, DEPTH = 10 };

struct ring {
	_Atomic unsigned long put; /* by the thread that allocates */
	char apart[120];
	_Atomic unsigned long taken; /* by the thread that frees */
	void *blocks[RING];
};

static struct ring rings[MAX_THREADS];
static long pairs;

static void __attribute__((noinline)) own(long n)
{
	void *window[WINDOW] = {0};
	uint32_t state = 1;

	for (long i = 0; i < n; i++) {
		free(window[i % WINDOW]);
		window[i % WINDOW] = malloc(16 + draw(&state) % 240);
		keep(window[i % WINDOW]);
	}
	for (int i = 0; i < WINDOW; i++)
		free(window[i]);
}

static void __attribute__((noinline)) produce(struct ring *ring, long n)
{
	uint32_t state = 1;

	for (long i = 0; i < n; i++) {
		while (i - atomic_load(&ring->taken) >= RING)
			sched_yield();
		ring->blocks[i % RING] = malloc(16 + draw(&state) % 240);
		atomic_store(&ring->put, i + 1);
	}
}

static void __attribute__((noinline)) consume(struct ring *ring, long n)
{
	for (long i = 0; i < n; i++) {
		while (atomic_load(&ring->put) <= i)
			sched_yield();
		free(ring->blocks[i % RING]);
		atomic_store(&ring->taken, i + 1);
	}
}

static void __attribute__((noinline)) descend(int depth, long role)
{
	struct ring *ring = &rings[(role - 1) / 2];

	if (depth > 0)
		descend(depth - 1, role);
	else if (!role)
		own(pairs);
	else if (role % 2)
		produce(ring, pairs);
	else
		consume(ring, pairs);
	keep(&depth);
}

/* role 0: its own blocks; odd: allocates; even: frees. */
static void *thread(void *role)
{
	descend(DEPTH, (long)role);
	return NULL;
}

int main(int argc, char **argv)
{
	int handover = argc > 1 && !strcmp(argv[1], "handover");
	long n_threads = argument(argc, argv, 2, 2);
	struct best best = {0};

	pairs = argument(argc, argv, 3, 100000);
	if (n_threads < 1 || n_threads > MAX_THREADS || (handover && n_threads % 2))
		return 2;
	for (int part = 0; part < PARTS; part++) {
		pthread_t threads[MAX_THREADS];

		memset(rings, 0, sizeof(rings));
		best_start(&best);
		for (long i = 0; i < n_threads; i++)
			if (pthread_create(&threads[i], NULL, thread, (void *)(handover ? i + 1 : 0)))
				return 1;
		for (long i = 0; i < n_threads; i++)
			pthread_join(threads[i], NULL);
		best_stop(&best, (double)pairs * n_threads / (handover ? 2 : 1));
	}
	best_print(&best);
	return 0;
}
