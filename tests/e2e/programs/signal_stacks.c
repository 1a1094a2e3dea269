/*
 * Signal handlers on small stacks -- they allocate on an alternate stack of 8 KB, and threads do
 * on the smallest stack there is. One frame is enough for those; crashing is not.
 *
 * case: plain
 * case: sampled      set=start_delay=0s set=interval=10ms
 */
#include "books.h"
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>

#define ROUNDS 100
BOOK(leak_in_handler);
BOOK(leak_after_fault);
BOOK(leak_in_small_thread);
BOOK_AT(book_main, "leak_in_main<main", 0, 0);

static sigjmp_buf back;
static int *volatile nowhere = (int *)8;

static void settle(struct book *book, void *p, size_t size, int i)
{
	book_in(book, p, size);
	if (i % 3 == 0)
		return;
	book_out(book, size);
	free(p);
}

NOINLINE static void leak_in_handler(int number)
{
	static int i;
	void *p = malloc(20);

	settle(&book_leak_in_handler, p, 20, i++);
	(void)number;
}

NOINLINE static void leak_after_fault(int number)
{
	static int i;
	void *p = calloc(1, 21);

	settle(&book_leak_after_fault, p, 21, i++);
	siglongjmp(back, number);
}

NOINLINE static void leak_in_main(int i)
{
	settle(&book_main, malloc(22), 22, i);
	BARRIER();
}

NOINLINE static void *leak_in_small_thread(void *unused)
{
	void *p = book_in(&book_leak_in_small_thread, malloc(23), 23);

	KEEP(p);
	(void)unused;
	return NULL;
}

static void handle(int number, void (*handler)(int))
{
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	action.sa_handler = handler;
	action.sa_flags = SA_ONSTACK;
	if (sigaction(number, &action, NULL))
		abort();
}

static void small_thread(void)
{
	pthread_attr_t attributes;
	pthread_t thread;

	pthread_attr_init(&attributes);
	if (pthread_attr_setstacksize(&attributes, PTHREAD_STACK_MIN) ||
	    pthread_create(&thread, &attributes, leak_in_small_thread, NULL))
		abort();
	pthread_join(thread, NULL);
	pthread_attr_destroy(&attributes);
}

int main(void)
{
	static unsigned char room[8192] __attribute__((aligned(16)));
	stack_t stack = {.ss_sp = room, .ss_size = sizeof(room)};
	int i;

	if (sigaltstack(&stack, NULL))
		abort();
	handle(SIGUSR1, leak_in_handler);
	handle(SIGSEGV, leak_after_fault);
	for (i = 0; i < ROUNDS; i++) {
		leak_in_main(i);
		raise(SIGUSR1);
		if (!sigsetjmp(back, 1))
			*nowhere = i;
		small_thread();
	}
	books_write();
	return 0;
}
