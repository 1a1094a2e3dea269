/*
 * environment: GUARD_START_DELAY=20ms
 * malloc in threads with stacks of 16 KB, and in handlers on alternate stacks of 8 KB with no page below
 * (hazard 62, M10). Equal: that it works.
 */
#include "host.h"
#include <sys/mman.h>

static int handled;

static void handler(int signal)
{
	(void)signal;
	for (size_t i = 1; i < 40; i++)
		churn(i * 50);
	__atomic_add_fetch(&handled, 1, __ATOMIC_RELAXED);
}

static void *in_thread(void *unused)
{
	for (size_t i = 1; i < 100; i++)
		churn(i * 20);
	return unused;
}

static void *with_alternate_stack(void *unused)
{
	char *memory = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	stack_t stack = {.ss_sp = memory + 8192, .ss_size = 8192};

	mprotect(memory, 8192, PROT_NONE);
	if (sigaltstack(&stack, NULL))
		return NULL;
	for (int i = 0; i < 50; i++)
		raise(SIGUSR1);
	stack.ss_flags = SS_DISABLE;
	sigaltstack(&stack, NULL);
	munmap(memory, 16384);
	return unused;
}

int main(void)
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK};
	pthread_attr_t small;
	pthread_t thread;

	sigaction(SIGUSR1, &action, NULL);
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 16384);
	for (int i = 0; i < 200; i++) {
		if (pthread_create(&thread, &small, in_thread, NULL) || pthread_join(thread, NULL))
			return 1;
		if (pthread_create(&thread, NULL, with_alternate_stack, NULL) || pthread_join(thread, NULL))
			return 1;
	}
	with_alternate_stack(NULL);
	say("handled %d\n", handled);
	return 0;
}
