/*
 * realloc in a shared arena -- what one thread's realloc frees is another's malloc at once; all is
 * freed at the end, so nothing may be live.
 *
 * Tools that record a realloc's free after the real call report blocks here that do not exist.
 *
 * case: one-arena    env=MALLOC_ARENA_MAX=1
 * case: no-tcache    env=MALLOC_ARENA_MAX=1 env=GLIBC_TUNABLES=glibc.malloc.tcache_count=0
 * case: arenas
 * case: sampled      env=MALLOC_ARENA_MAX=1 set=start_delay=0s set=interval=10ms
 * case: jemalloc     preload=libjemalloc.so.2
 * case: tcmalloc     preload=libtcmalloc_minimal.so.4
 * case: mimalloc     preload=libmimalloc.so.2
 */
#include "books.h"
#include <pthread.h>

#define THREADS 4
#define ROUNDS 30000
BOOK(ping);
BOOK(pong);

NOINLINE static void *ping(size_t size)
{
	return book_in(&book_ping, malloc(size), size);
}

NOINLINE static void *pong(void *p, size_t old, size_t size)
{
	book_out(&book_ping, old);
	return book_in(&book_pong, realloc(p, size), size);
}

static void *play(void *unused)
{
	int i;

	for (i = 0; i < ROUNDS; i++) {
		size_t small = 1000 + i % 64, large = 4 * small;
		void *p = ping(small), *q = ping(large);

		p = pong(p, small, large);
		q = pong(q, large, small);
		book_out(&book_pong, large);
		free(p);
		book_out(&book_pong, small);
		free(q);
	}
	return unused;
}

int main(void)
{
	pthread_t threads[THREADS];
	int i;

	for (i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, play, NULL))
			abort();
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	books_write();
	return 0;
}
