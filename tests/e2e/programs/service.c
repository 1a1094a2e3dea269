/*
 * A service -- works and leaks until it is told to end: SIGTERM, it ends by itself; SIGUSR1, it
 * writes its books and is killed. Prints how many operations it did each 100 ms, as "t ops" with
 * its own clock, so that a stall shows.
 *
 * A thousand callsites change all the time, so that every snapshot is large.
 * Run by services/analyzer_comes_and_goes.py.
 */
#include "books.h"
#include <pthread.h>
#include <signal.h>
#include <time.h>

#define DEPTH 10
BOOK_AT(book_leaf, "work_in_leaf", 0, 1 << DEPTH);
BOOK(work_in_thread);

static volatile sig_atomic_t told;
static volatile int finished;
static unsigned long operations;

static void tell(int number)
{
	told = number;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

NOINLINE static void work_in_leaf(unsigned path)
{
	void *p = book_in(&book_leaf, malloc(16 + path % 100), 16 + path % 100);

	operations++;
	if (path == operations % 1024)
		return;
	book_out(&book_leaf, 16 + path % 100);
	free(p);
}

NOINLINE static void left(int depth, unsigned path);

NOINLINE static void right(int depth, unsigned path)
{
	if (depth == 0) {
		work_in_leaf(path);
	} else {
		left(depth - 1, 2 * path);
		right(depth - 1, 2 * path + 1);
	}
	BARRIER();
}

NOINLINE static void left(int depth, unsigned path)
{
	if (depth == 0) {
		work_in_leaf(path);
	} else {
		left(depth - 1, 2 * path);
		right(depth - 1, 2 * path + 1);
	}
	BARRIER();
}

NOINLINE static void *work_in_thread(void *unused)
{
	while (!finished) {
		void *p = book_in(&book_work_in_thread, malloc(1000), 1000);

		usleep(1000);
		book_out(&book_work_in_thread, 1000);
		free(p);
	}
	return unused;
}

static void say(double t, unsigned long n)
{
	char line[64];
	int length = snprintf(line, sizeof(line), "%.3f %lu\n", t, n);

	if (write(1, line, length) != length)
		_exit(96);
}

int main(void)
{
	double began = now(), said = began;
	unsigned long counted = 0;
	pthread_t thread;

	signal(SIGTERM, tell);
	signal(SIGUSR1, tell);
	if (pthread_create(&thread, NULL, work_in_thread, NULL))
		abort();
	while (!told) {
		double t;

		left(DEPTH, 0);
		usleep(200);
		t = now();
		if (t - said < 0.1)
			continue;
		say(t - began, operations - counted);
		counted = operations;
		said = t;
	}
	finished = 1;
	pthread_join(thread, NULL);
	books_write();
	if (told == SIGUSR1)
		kill(getpid(), SIGKILL);
	return 0;
}
