/*
 * Frees by other threads -- what producers make only consumers free; what stays is the producers'.
 *
 * case: arenas
 * case: one-arena    env=MALLOC_ARENA_MAX=1
 * case: sampled      set=start_delay=0s set=interval=10ms
 */
#include "books.h"
#include <pthread.h>
#include <semaphore.h>

#define PAIRS 3
#define BLOCKS 20000
#define RING 256
BOOK(produce);

struct ring {
	sem_t room, ready;
	struct {
		void *p;
		size_t size;
	} items[RING];
};
static struct ring rings[PAIRS];

NOINLINE static void *produce(size_t size)
{
	return book_in(&book_produce, malloc(size), size);
}

static void *producer(void *argument)
{
	struct ring *ring = argument;
	int i;

	for (i = 0; i < BLOCKS; i++) {
		size_t size = 16 + i % 1000;

		sem_wait(&ring->room);
		ring->items[i % RING].p = produce(size);
		ring->items[i % RING].size = size;
		sem_post(&ring->ready);
	}
	return NULL;
}

static void *consumer(void *argument)
{
	struct ring *ring = argument;
	int i;

	for (i = 0; i < BLOCKS; i++) {
		sem_wait(&ring->ready);
		if (i % 1000) { /* the thousandth leaks */
			book_out(&book_produce, ring->items[i % RING].size);
			free(ring->items[i % RING].p);
		}
		sem_post(&ring->room);
	}
	return NULL;
}

int main(void)
{
	pthread_t threads[2 * PAIRS];
	int i;

	for (i = 0; i < PAIRS; i++) {
		sem_init(&rings[i].room, 0, RING);
		sem_init(&rings[i].ready, 0, 0);
		if (pthread_create(&threads[2 * i], NULL, producer, &rings[i]) ||
		    pthread_create(&threads[2 * i + 1], NULL, consumer, &rings[i]))
			abort();
	}
	for (i = 0; i < 2 * PAIRS; i++)
		pthread_join(threads[i], NULL);
	books_write();
	return 0;
}
