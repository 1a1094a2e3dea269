/*
 * A service for the soak: threads that allocate and free each other's blocks, short threads, and children that end
 * in every way, one of them by the hand of whoever watches. Works at a measured pace until SIGTERM, then writes its
 * books. Prints a line a second: threads and children so far.
 */
#include "tests/e2e/programs/books.h"
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#define WORKERS 4
#define SLOTS 4096u
#define BATCH 200 /* operations between two naps */
#define DEPTH 6u  /* stacks of 2^DEPTH shapes */

BOOK(work_block);
BOOK(work_in_short_thread);

static void *slots[SLOTS];
static volatile sig_atomic_t told;
static unsigned long threads, children;

static void tell(int number)
{
	told = number;
}

static uint64_t draw(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *state >> 24;
}

static void nap(long ms)
{
	const struct timespec t = {ms / 1000, ms % 1000 * 1000000};

	nanosleep(&t, NULL);
}

/* A block begins with its size. */
NOINLINE static void *work_block(void *old, size_t size)
{
	size_t before = old ? *(size_t *)old : 0;
	void *p = realloc(old, size);

	if (!p)
		_exit(98);
	book_in(&book_work_block, p, size);
	if (old)
		book_out(&book_work_block, before);
	*(size_t *)p = size;
	return p;
}

NOINLINE static void *left(unsigned depth, unsigned path, void *old, size_t size);

NOINLINE static void *right(unsigned depth, unsigned path, void *old, size_t size)
{
	void *p = depth == 0 ? work_block(old, size)
		  : path & 1 ? left(depth - 1, path >> 1, old, size)
			     : right(depth - 1, path >> 1, old, size);

	KEEP(p);
	return p;
}

NOINLINE static void *left(unsigned depth, unsigned path, void *old, size_t size)
{
	void *p = right(depth, path, old, size);

	KEEP(p);
	return p;
}

static void give_back(void *p)
{
	if (!p)
		return;
	book_out(&book_work_block, *(size_t *)p);
	free(p);
}

static void operate(uint64_t *state)
{
	uint64_t n = draw(state);
	void *p = __atomic_exchange_n(&slots[n % SLOTS], NULL, __ATOMIC_ACQ_REL);
	size_t size = 8 + (n >> 12) % (n & 0xf00 ? 300 : 30000);

	if (p && n >> 20 & 1) {
		give_back(p);
		return;
	}
	p = right(DEPTH, (unsigned)(n >> 30), p, size);
	give_back(__atomic_exchange_n(&slots[(n >> 8) % SLOTS], p, __ATOMIC_ACQ_REL));
}

static void *work(void *number)
{
	uint64_t state = (uintptr_t)number;

	while (!told) {
		for (int i = 0; i < BATCH; i++)
			operate(&state);
		nap(2);
	}
	return NULL;
}

NOINLINE static void *work_in_short_thread(void *unused)
{
	void *p = malloc(500);

	(void)unused;
	KEEP(p);
	book_in(&book_work_in_short_thread, p, 500);
	nap(1);
	book_out(&book_work_in_short_thread, 500);
	free(p);
	return NULL;
}

/* What a child does; its blocks are its parent's copies and its own. */
static void live(uint64_t state)
{
	uint64_t way = draw(&state) % 5;

	for (int i = 0; i < 2000; i++)
		operate(&state);
	switch (way) {
	case 0:
		exit(0);
	case 1:
		_exit(3);
	case 2:
		kill(getpid(), SIGKILL);
		break;
	case 3:
		execl("/bin/true", "true", (char *)NULL);
		break;
	}
	for (int i = 0; i < 100; i++) { /* a worker that somebody may kill */
		operate(&state);
		nap(10);
	}
	_exit(0);
}

static void make_thread(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, work_in_short_thread, NULL))
		_exit(97);
	pthread_join(thread, NULL);
	threads++;
}

static void make_child(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		signal(SIGTERM, SIG_DFL);
		live((uint64_t)getpid());
	}
	children += pid > 0;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

static void say(void)
{
	char line[64];
	int n = snprintf(line, sizeof(line), "%lu %lu\n", threads, children);

	if (write(STDOUT_FILENO, line, (size_t)n) != n)
		_exit(96);
}

int main(void)
{
	pthread_t workers[WORKERS];

	signal(SIGTERM, tell);
	for (uintptr_t i = 0; i < WORKERS; i++)
		if (pthread_create(&workers[i], NULL, work, (void *)(i + 1)))
			_exit(97);
	for (unsigned turn = 0; !told; turn++) {
		make_thread();
		if (turn % 10 == 0)
			make_child();
		if (turn % 20 == 0)
			say();
		nap(50);
	}
	for (int i = 0; i < WORKERS; i++)
		pthread_join(workers[i], NULL);
	while (waitpid(-1, NULL, 0) > 0)
		;
	books_write();
	return 0;
}
