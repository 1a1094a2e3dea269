/*
 * A million random operations in eight threads -- against the program's own books.
 *
 * The threads share the blocks: any may free or reallocate what any other made, in six functions,
 * with sizes from none to 300 KB.
 *
 * case: arenas
 * case: one-arena    env=MALLOC_ARENA_MAX=1
 * case: sampled      set=start_delay=0s set=interval=10ms
 * case: jemalloc     preload=libjemalloc.so.2
 * case: tcmalloc     preload=libtcmalloc_minimal.so.4
 * case: mimalloc     preload=libmimalloc.so.2
 */
#include "books.h"
#include <malloc.h>
#include <pthread.h>

#define THREADS 8
#define OPERATIONS 125000
#define SLOTS 4096
BOOK(make_small);
BOOK(make_zeroed);
BOOK(make_large);
BOOK(make_aligned);
BOOK(make_copy);
BOOK(make_resized);

struct slot {
	volatile char busy;
	void *p;
	size_t size;
	struct book *book;
};
static struct slot slots[SLOTS];
static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";

static uint64_t next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

NOINLINE static void *make_small(size_t size)
{
	return book_in(&book_make_small, malloc(size), size);
}

NOINLINE static void *make_zeroed(size_t size)
{
	return book_in(&book_make_zeroed, calloc(size, 3), size * 3);
}

NOINLINE static void *make_large(size_t size)
{
	return book_in(&book_make_large, malloc(size), size);
}

NOINLINE static void *make_aligned(size_t size)
{
	void *p = NULL;

	if (posix_memalign(&p, 128, size))
		abort();
	return book_in(&book_make_aligned, p, size);
}

NOINLINE static void *make_copy(size_t length)
{
	char *p = strdup(letters + sizeof(letters) - 1 - length);

	return book_in(&book_make_copy, p, length + 1);
}

NOINLINE static void *make_resized(void *p, size_t size)
{
	return book_in(&book_make_resized, realloc(p, size), size);
}

static void fill(struct slot *slot, uint64_t random)
{
	size_t n = (random >> 20) % 500;

	switch (random % 16) {
	case 0:
		*slot = (struct slot){1, make_large(n * 600), n * 600, &book_make_large};
		break;
	case 1:
	case 2:
		*slot = (struct slot){1, make_aligned(n), n, &book_make_aligned};
		break;
	case 3:
	case 4:
		n %= sizeof(letters);
		*slot = (struct slot){1, make_copy(n), n + 1, &book_make_copy};
		break;
	case 5:
	case 6:
	case 7:
		*slot = (struct slot){1, make_zeroed(n), n * 3, &book_make_zeroed};
		break;
	default:
		*slot = (struct slot){1, make_small(n), n, &book_make_small};
	}
}

static void operate(struct slot *slot, uint64_t random)
{
	size_t size;

	if (!slot->p) {
		fill(slot, random);
		return;
	}
	book_out(slot->book, slot->size);
	if (random & 0x10000) {
		free(slot->p);
		slot->p = NULL;
		return;
	}
	size = 1 + (random >> 24) % (random & 0x20000 ? 200 : 4000);
	slot->p = make_resized(slot->p, size);
	slot->size = size;
	slot->book = &book_make_resized;
}

static void *play(void *seed)
{
	uint64_t state = 0x9e3779b97f4a7c15u * (1 + (uintptr_t)seed);
	int i;

	for (i = 0; i < OPERATIONS; i++) {
		uint64_t random = next(&state);
		struct slot *slot = &slots[(random >> 50) % SLOTS];

		if (__atomic_test_and_set(&slot->busy, __ATOMIC_ACQUIRE))
			continue;
		operate(slot, random);
		__atomic_clear(&slot->busy, __ATOMIC_RELEASE);
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
