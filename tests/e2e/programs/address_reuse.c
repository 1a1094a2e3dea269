/*
 * Address reuse between threads -- an address that one thread frees is at once another's new
 * block, of another function, with malloc, realloc, calloc and free, over and over.
 *
 * case: one-arena    env=MALLOC_ARENA_MAX=1
 * case: no-tcache    env=MALLOC_ARENA_MAX=1 env=GLIBC_TUNABLES=glibc.malloc.tcache_count=0
 * case: sampled      env=MALLOC_ARENA_MAX=1 set=start_delay=0s set=interval=10ms
 * case: jemalloc     preload=libjemalloc.so.2
 * case: mimalloc     preload=libmimalloc.so.2
 */
#include "books.h"
#include <pthread.h>

#define THREADS 4
#define ROUNDS 40000
#define SLOTS 64
BOOK(by_malloc);
BOOK(by_calloc);
BOOK(by_realloc);

struct block {
	void *p;
	size_t size;
	struct book *book;
};
struct slot {
	volatile char busy;
	struct block block;
};
static struct slot slots[SLOTS];

NOINLINE static void *by_malloc(size_t size)
{
	return book_in(&book_by_malloc, malloc(size), size);
}

NOINLINE static void *by_calloc(size_t size)
{
	return book_in(&book_by_calloc, calloc(1, size), size);
}

NOINLINE static void *by_realloc(void *p, size_t size)
{
	return book_in(&book_by_realloc, realloc(p, size), size);
}

static struct block fresh(unsigned random)
{
	size_t size = 40 + random % 16;

	if (random & 64)
		return (struct block){by_malloc(size), size, &book_by_malloc};
	return (struct block){by_calloc(size), size, &book_by_calloc};
}

/* Puts a block into a slot and takes out what was there. */
static struct block swap(struct slot *slot, struct block block)
{
	struct block old;

	while (__atomic_test_and_set(&slot->busy, __ATOMIC_ACQUIRE))
		;
	old = slot->block;
	slot->block = block;
	__atomic_clear(&slot->busy, __ATOMIC_RELEASE);
	return old;
}

static void *play(void *seed)
{
	unsigned random = (unsigned)(uintptr_t)seed * 2654435761u + 1;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		struct block b;

		random = random * 1664525 + 1013904223;
		b = swap(&slots[random >> 26], fresh(random >> 8));
		if (!b.p)
			continue;
		book_out(b.book, b.size);
		if (random & 0x100) {
			size_t size = b.size ^ 8;

			b = (struct block){by_realloc(b.p, size), size, &book_by_realloc};
			b = swap(&slots[(random >> 20) & 63], b);
			if (!b.p)
				continue;
			book_out(b.book, b.size);
		}
		free(b.p);
	}
	return NULL;
}

int main(void)
{
	pthread_t threads[THREADS];
	int i;

	for (i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, play, (void *)(uintptr_t)i))
			abort();
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	books_write();
	return 0;
}
