/*
 * environment: GUARD_START_DELAY=20ms
 * Children by clone and clone3 as bare system calls: with a copy of memory, made in a thread too, and with memory
 * shared while both run (hazards 72, 85, 86). Those that share it allocate nothing, as libc asks; the
 * parent allocates meanwhile. Equal: the ends, and what the children leave in memory.
 */
#include "host.h"
#include <linux/sched.h>
#include <sched.h>

static char stack[65536] __attribute__((aligned(64)));
static volatile int marks;

static pid_t bare_clone3(unsigned long long flags)
{
	struct clone_args arguments = {.flags = flags, .exit_signal = SIGCHLD};

	return (pid_t)syscall(SYS_clone3, &arguments, sizeof(arguments));
}

static int shared(void *unused)
{
	(void)unused;
	for (int i = 0; i < 1000; i++)
		marks++;
	syscall(SYS_exit, 11);
	return 0;
}

static void copies(const char *who)
{
	pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (!child) {
		for (size_t i = 0; i < 300; i++)
			churn(i * 20);
		_exit(12);
	}
	say_end(who, child);
	if (!(child = bare_clone3(0))) {
		for (size_t i = 0; i < 300; i++)
			churn(i * 20);
		exit(13);
	}
	say_end(who, child);
	if (!(child = bare_clone3(CLONE_FILES | CLONE_FS))) {
		churn_for(40);
		_exit(14);
	}
	say_end(who, child);
}

static void *in_thread(void *unused)
{
	copies("from a thread");
	return unused;
}

int main(void)
{
	pthread_t thread;
	pid_t child;

	churn(10);
	copies("at once");
	churn_for(60);
	copies("later");
	for (int i = 0; i < 20; i++) {
		child = clone(shared, stack + sizeof(stack), CLONE_VM | CLONE_FS | CLONE_FILES | SIGCHLD, NULL);
		for (size_t k = 0; k < 200; k++)
			churn(k * 30);
		if (child < 0 || waitpid(child, NULL, 0) != child)
			return 1;
	}
	say("marks %d\n", marks);
	if (pthread_create(&thread, NULL, in_thread, NULL) || pthread_join(thread, NULL))
		return 2;
	copies("at the end");
	return 0;
}
