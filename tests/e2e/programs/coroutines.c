/*
 * Coroutines -- ucontext switches between stacks that are static, mapped and from the heap; also
 * resumed by another thread than the one that began them. Leaf and the two frames above are right.
 *
 * case: one-thread
 * case: two-threads  args=threads
 * case: sampled      args=threads set=start_delay=0s set=interval=10ms
 */
#include "books.h"
#include <pthread.h>
#include <sys/mman.h>
#include <ucontext.h>

#define COROUTINES 9
#define STEPS 200
#define STACK 65536
BOOK_AT(book_leaf, "leak_in_coroutine<step<coroutine", 0, 0);
BOOK_AT(book_deep, "leak_in_depth<descend<descend", 0, 0);
BOOK_AT(book_between, "leak_between<round_robin", 0, 0);
BOOK(make_stack);

static ucontext_t loop_context, contexts[COROUTINES];
static unsigned char static_stacks[3][STACK] __attribute__((aligned(16)));

static void settle(struct book *book, void *p, size_t size, int i)
{
	book_in(book, p, size);
	if (i % 3 == 0)
		return;
	book_out(book, size);
	free(p);
}

NOINLINE static void leak_in_coroutine(int i)
{
	settle(&book_leaf, malloc(30 + i), 30 + i, i);
	BARRIER();
}

NOINLINE static void leak_in_depth(int i)
{
	settle(&book_deep, malloc(31 + i), 31 + i, i);
	BARRIER();
}

/* Switches away in the middle of a deep stack, and comes back to it. */
NOINLINE static int descend(int depth, int number, int i)
{
	if (depth == 0) {
		leak_in_depth(i);
		swapcontext(&contexts[number], &loop_context);
		leak_in_depth(i);
	} else {
		depth += descend(depth - 1, number, i);
	}
	KEEP(depth);
	return depth;
}

NOINLINE static void step(int number, int i)
{
	leak_in_coroutine(i);
	if (i % 4 == 0)
		descend(3 + number, number, i);
	BARRIER();
}

NOINLINE static void coroutine(int number)
{
	int i;

	for (i = 0; i < STEPS; i++) {
		step(number, i);
		swapcontext(&contexts[number], &loop_context);
	}
}

NOINLINE static void leak_between(int i)
{
	settle(&book_between, malloc(32), 32, i);
	BARRIER();
}

NOINLINE static void *make_stack(void)
{
	return book_in(&book_make_stack, malloc(STACK), STACK);
}

static void prepare(int number)
{
	ucontext_t *context = &contexts[number];

	getcontext(context);
	context->uc_stack.ss_size = STACK;
	context->uc_link = &loop_context;
	if (number % 3 == 0)
		context->uc_stack.ss_sp = static_stacks[number / 3];
	else if (number % 3 == 1)
		context->uc_stack.ss_sp = make_stack();
	else
		context->uc_stack.ss_sp = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	makecontext(context, (void (*)(void))coroutine, 1, number);
}

NOINLINE static void *round_robin(void *rounds)
{
	int i, number;

	for (i = 0; i < (int)(intptr_t)rounds; i++)
		for (number = 0; number < COROUTINES; number++) {
			leak_between(i);
			swapcontext(&loop_context, &contexts[number]);
		}
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t thread;
	int i;

	(void)argv;
	for (i = 0; i < COROUTINES; i++)
		prepare(i);
	if (argc == 1) {
		round_robin((void *)(STEPS * 5 / 4));
	} else {
		/* Threads resume the coroutines by turns, never two at once. */
		for (i = 0; i < 10; i++) {
			if (pthread_create(&thread, NULL, round_robin, (void *)(STEPS / 10)))
				abort();
			pthread_join(thread, NULL);
		}
	}
	books_write();
	return 0;
}
