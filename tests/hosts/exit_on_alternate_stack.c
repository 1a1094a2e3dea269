/*
 * environment: GUARD_START_DELAY=50ms
 * _exit and the first malloc of a forked child on alternate signal stacks of 8 KB, exit in a thread of 16 KB
 * (hazards 62, M10). Below each stack lies a page without access.
 * Equal: the ends.
 */
#include "host.h"
#include <limits.h>
#include <sys/mman.h>

static int what;

static void handler(int signal)
{
	pid_t child;

	(void)signal;
	if (what == 2) {
		if (!(child = fork())) {
			churn(40);
			_exit(8);
		}
		say_end("grandchild", child);
	}
	if (what == 1)
		churn(100);
	_exit(9);
}

static void *in_thread(void *unused)
{
	churn(10);
	if (what == 4)
		_exit(5);
	exit(6);
	return unused;
}

static void on_alternate_stack(void)
{
	char *memory = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	stack_t stack = {.ss_sp = memory + 8192, .ss_size = 8192};
	struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK};

	mprotect(memory, 8192, PROT_NONE);
	if (sigaltstack(&stack, NULL))
		_exit(SKIP);
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
}

static void in_small_thread(void)
{
	pthread_attr_t small;
	pthread_t thread;

	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 16384);
	pthread_create(&thread, &small, in_thread, NULL);
	pthread_join(thread, NULL);
}

int main(void)
{
	for (what = 0; what < 5; what++) {
		char name[16];
		pid_t child;

		churn(20);
		if (!(child = fork())) {
			if (what < 3)
				on_alternate_stack();
			else
				in_small_thread();
			_exit(1);
		}
		snprintf(name, sizeof(name), "scene %d", what);
		say_end(name, child);
	}
	return 0;
}
