/*
 * Two hundred threads that leak and exit -- joined, detached, by pthread_exit, with a key
 * destructor that allocates and frees after the thread's own work; their counts stay.
 *
 * case: plain
 * case: sampled      set=start_delay=0s set=interval=10ms
 */
#include "books.h"
#include <pthread.h>
#include <semaphore.h>

#define THREADS 200
#define AT_ONCE 20
BOOK(leak_in_thread);
BOOK(leak_in_destructor);
BOOK(keep_until_destructor);

static pthread_key_t key;
static sem_t done;

NOINLINE static void leak_in_thread(int i)
{
	void *p = book_in(&book_leak_in_thread, malloc(100 + i), 100 + i);

	if (i % 3)
		return;
	book_out(&book_leak_in_thread, 100 + i);
	free(p);
}

NOINLINE static void *keep_until_destructor(void)
{
	return book_in(&book_keep_until_destructor, malloc(512), 512);
}

NOINLINE static void leak_in_destructor(void *kept)
{
	void *p = book_in(&book_leak_in_destructor, calloc(1, 48), 48);

	KEEP(p);
	book_out(&book_keep_until_destructor, 512);
	free(kept);
	sem_post(&done);
}

static void *work(void *number)
{
	int i = (int)(intptr_t)number, k;

	for (k = 0; k < 30; k++)
		leak_in_thread(i + k);
	pthread_setspecific(key, keep_until_destructor());
	if (i % 2)
		pthread_exit(NULL);
	return NULL;
}

static void start(int i, pthread_t *thread)
{
	if (pthread_create(thread, NULL, work, (void *)(intptr_t)i))
		abort();
	if (i % 4 == 0)
		pthread_detach(*thread);
}

int main(void)
{
	pthread_t threads[AT_ONCE];
	int i, k;

	sem_init(&done, 0, 0);
	pthread_key_create(&key, leak_in_destructor);
	for (i = 0; i < THREADS; i += AT_ONCE) {
		for (k = 0; k < AT_ONCE; k++)
			start(i + k, &threads[k]);
		for (k = 0; k < AT_ONCE; k++)
			if ((i + k) % 4)
				pthread_join(threads[k], NULL);
		for (k = 0; k < AT_ONCE; k++)
			sem_wait(&done);
	}
	books_write();
	return 0;
}
