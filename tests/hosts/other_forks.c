/*
 * environment: GUARD_START_DELAY=20ms
 * Ways to a child that run no fork handlers: vfork whose child allocates, posix_spawn, clone sharing memory,
 * the bare system call, _Fork (hazards 85, 86). Equal: the ends; the parent goes on as before.
 */
#include "host.h"
#include <sched.h>
#include <spawn.h>

extern char **environ;
static char stack[65536] __attribute__((aligned(64)));
static char *const true_command[] = {(char *)"/bin/true", NULL};

static int cloned(void *unused)
{
	(void)unused;
	for (size_t i = 1; i < 50; i++)
		churn(i * 30);
	_exit(4);
}

static void by_vfork(int n)
{
	pid_t child = vfork();

	if (!child) {
		for (size_t i = 1; i < 50; i++)
			churn(i * 30);
		if (n % 2)
			_exit(3);
		execv(true_command[0], true_command);
		_exit(127);
	}
	say_end("vfork", child);
}

static void by_system_call(bool by_libc)
{
	pid_t child = by_libc ? _Fork() : (pid_t)syscall(SYS_fork);

	if (!child) {
		for (size_t i = 1; i < 50; i++)
			churn(i * 30);
		_exit(5);
	}
	say_end(by_libc ? "_Fork" : "system call", child);
}

int main(void)
{
	for (int n = 0; n < share(20); n++) {
		pid_t child;

		churn_for(4);
		by_vfork(n);
		if (!posix_spawn(&child, true_command[0], NULL, NULL, true_command, environ))
			say_end("spawned", child);
		child = clone(cloned, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);
		say_end("cloned", child);
		by_system_call(n % 2);
	}
	say("system: %d\n", system("exit 6"));
	return 7;
}
