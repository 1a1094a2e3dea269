/*
 * Interrupted hooks -- signal handlers allocate wherever they interrupt: in hooks, in the first hook of a thread, while
 * the agent starts its own thread, while it exits. All of it counts. The heap is one that handlers may use.
 *
 * case: late         preload=signal_safe_heap.so
 * case: sampled      preload=signal_safe_heap.so set=start_delay=5ms set=interval=10ms
 * case: counting     preload=signal_safe_heap.so set=start_delay=5ms set=verify=0
 */
#include "books.h"
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <time.h>

#define MOST 60000 /* handled signals: the heap comes round after some more */

BOOK(handled_blocks);
BOOK(main_blocks);
BOOK(thread_blocks);

static volatile sig_atomic_t handled;

NOINLINE static void handled_blocks(int n)
{
	for (int i = 0; i < n; i++) {
		void *p = book_in(&book_handled_blocks, malloc(50 + i), 50 + i);

		KEEP(p);
		free(p);
		book_out(&book_handled_blocks, 50 + i);
	}
}

static void handler(int signal)
{
	handled += signal == SIGALRM;
	handled_blocks(3);
	BARRIER();
}

NOINLINE static void main_blocks(int depth)
{
	void *p = book_in(&book_main_blocks, malloc(24), 24);

	if (depth)
		main_blocks(depth - 1);
	free(p);
	book_out(&book_main_blocks, 24);
	BARRIER();
}

NOINLINE static void *thread_blocks(void *unused)
{
	void *p = book_in(&book_thread_blocks, malloc(30), 30);

	free(p);
	book_out(&book_thread_blocks, 30);
	return unused;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int main(void)
{
	struct itimerval often = {{0, 60}, {0, 60}}, never = {{0, 0}, {0, 0}};
	pthread_t thread;

	signal(SIGALRM, handler);
	raise(SIGALRM); /* so that its stack is known by name, also where it interrupts a hook */
	setitimer(ITIMER_REAL, &often, NULL);
	for (int64_t end = now_ms() + 150; (now_ms() < end || handled < 200) && handled < MOST;) {
		for (int i = 0; i < 30; i++)
			main_blocks(i);
		if (!pthread_create(&thread, NULL, thread_blocks, NULL))
			pthread_join(thread, NULL);
	}
	setitimer(ITIMER_REAL, &never, NULL);
	books_write();
	return 0;
}
