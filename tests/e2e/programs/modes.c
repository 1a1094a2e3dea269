/*
 * Does what it is told, a letter at a time, by its argument or else on standard input, and answers each with a dot.
 * Its books say what it did. Run by services/modes.py, which changes the agent's mode in between.
 *
 *   o m n  allocate blocks in old_blocks, mid_blocks, new_blocks     O M N  free every second block of those
 *   t      four threads allocate in thread_blocks, the main thread frees every third
 *   c      four threads begin to allocate, hand over and free, and do so until it ends
 *   x      fork: the child frees half of the mid blocks that are left, allocates in child_blocks, and exits
 *   w      wait two seconds
 *   k      write the books, and die of SIGKILL
 */
#include "books.h"
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#define BLOCKS 24000
#define THREADS 4

BOOK(old_blocks);
BOOK(mid_blocks);
BOOK(new_blocks);
BOOK(thread_blocks);
BOOK(child_blocks);

struct heap {
	struct book *book;
	void *(*allocate)(size_t size);
	void *blocks[BLOCKS];
};

static int ending;

NOINLINE static void *old_blocks(size_t size)
{
	return book_in(&book_old_blocks, malloc(size), size);
}

NOINLINE static void *mid_blocks(size_t size)
{
	return book_in(&book_mid_blocks, malloc(size), size);
}

NOINLINE static void *new_blocks(size_t size)
{
	return book_in(&book_new_blocks, malloc(size), size);
}

NOINLINE static void *thread_blocks(size_t size)
{
	return book_in(&book_thread_blocks, calloc(1, size), size);
}

NOINLINE static void *child_blocks(size_t size)
{
	return book_in(&book_child_blocks, malloc(size), size);
}

static struct heap old_heap = {.book = &book_old_blocks, .allocate = old_blocks};
static struct heap mid_heap = {.book = &book_mid_blocks, .allocate = mid_blocks};
static struct heap new_heap = {.book = &book_new_blocks, .allocate = new_blocks};
static struct heap thread_heap = {.book = &book_thread_blocks, .allocate = thread_blocks};
static struct heap child_heap = {.book = &book_child_blocks, .allocate = child_blocks};

/* Sizes from 1 byte to 1000, and now and then some of 20,000 and none at all. */
static size_t size_of(int i)
{
	return i % 500 == 0 ? 20000 : i % 503 == 0 ? 0 : (size_t)(i * 7 % 1000 + 1);
}

static void fill(struct heap *heap, int from, int to)
{
	for (int i = from; i < to; i++)
		heap->blocks[i] = heap->allocate(size_of(i));
}

static void free_some(struct heap *heap, int from, int step)
{
	for (int i = from; i < BLOCKS; i += step) {
		if (!heap->blocks[i])
			continue;
		book_out(heap->book, size_of(i));
		free(heap->blocks[i]);
		heap->blocks[i] = NULL;
	}
}

static void *fill_part(void *number)
{
	int part = (int)(intptr_t)number;

	fill(&thread_heap, BLOCKS / THREADS * part, BLOCKS / THREADS * (part + 1));
	return NULL;
}

static void threads(void)
{
	pthread_t ids[THREADS];

	for (intptr_t i = 0; i < THREADS; i++)
		pthread_create(&ids[i], NULL, fill_part, (void *)i);
	for (int i = 0; i < THREADS; i++)
		pthread_join(ids[i], NULL);
	free_some(&thread_heap, 0, 3);
}

static void *churn(void *number)
{
	static void *handed[THREADS * 64];
	uint64_t i = (uintptr_t)number;

	while (!__atomic_load_n(&ending, __ATOMIC_RELAXED)) {
		void *p = malloc(size_of((int)(i++ % 4096)));

		p = realloc(p, size_of((int)(i % 4096)) + 1);
		p = __atomic_exchange_n(&handed[i * 2654435761u % (THREADS * 64)], p, __ATOMIC_ACQ_REL);
		free(p);
	}
	return NULL;
}

static pthread_t churning[THREADS];
static int n_churning;

static void start_churn(void)
{
	while (n_churning < THREADS) {
		pthread_create(&churning[n_churning], NULL, churn, (void *)(intptr_t)(n_churning * 1000));
		n_churning++;
	}
}

static void fork_child(void)
{
	pid_t pid = fork();
	int status;

	if (pid) {
		waitpid(pid, &status, 0);
		return;
	}
	free_some(&mid_heap, 1, 4);
	fill(&child_heap, 0, BLOCKS);
	books_write();
	exit(0);
}

static void kill_self(void)
{
	books_write();
	raise(SIGKILL);
}

static void obey(char letter)
{
	switch (letter) {
	case 'o':
		return fill(&old_heap, 0, BLOCKS);
	case 'm':
		return fill(&mid_heap, 0, BLOCKS);
	case 'n':
		return fill(&new_heap, 0, BLOCKS);
	case 'O':
		return free_some(&old_heap, 0, 2);
	case 'M':
		return free_some(&mid_heap, 0, 2);
	case 'N':
		return free_some(&new_heap, 0, 2);
	case 't':
		return threads();
	case 'c':
		return start_churn();
	case 'x':
		return fork_child();
	case 'w':
		sleep(2);
		return;
	case 'k':
		return kill_self();
	}
}

int main(int argc, char **argv)
{
	const char *told = argc > 1 ? argv[1] : NULL;
	char letter;

	while (told ? (letter = *told++) != '\0' : read(0, &letter, 1) == 1) {
		obey(letter);
		if (!told && write(1, ".", 1) != 1)
			return 1;
	}
	__atomic_store_n(&ending, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < n_churning; i++)
		pthread_join(churning[i], NULL);
	books_write();
	return 0;
}
