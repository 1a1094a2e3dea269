/*
 * vfork, posix_spawn, system -- what a child does between vfork and exec happens in the parent's
 * heap and is the parent's; each program that is started has a report of its own.
 *
 * case: vfork        args=vfork
 * case: failing      args=failing
 * case: posix_spawn  args=posix_spawn
 * case: system       args=system
 * case: sampled-vfork args=vfork set=start_delay=0s set=interval=10ms
 * case: sampled-spawn args=posix_spawn set=start_delay=0s set=interval=10ms
 */
#include "books.h"
#include <spawn.h>
#include <sys/wait.h>

#define CHILDREN 10
BOOK(made_before);
BOOK(made_in_vfork);
BOOK(made_by_program);

extern char **environ;

NOINLINE static void made_before(void)
{
	int i;

	for (i = 0; i < 50; i++)
		book_in(&book_made_before, malloc(100), 100);
}

/* Legal enough on Linux, and the JDK does it: malloc and free between vfork and exec. */
NOINLINE static void made_in_vfork(void)
{
	void *p = book_in(&book_made_in_vfork, malloc(200), 200);

	book_in(&book_made_in_vfork, malloc(300), 300);
	book_out(&book_made_in_vfork, 200);
	free(p);
}

NOINLINE static void made_by_program(int n)
{
	int i;

	for (i = 0; i < n; i++)
		book_in(&book_made_by_program, malloc(10 + n), 10 + n);
}

static void join(pid_t child, int status)
{
	int got;

	if (child < 0 || waitpid(child, &got, 0) != child || !WIFEXITED(got) || WEXITSTATUS(got) != status)
		_exit(98);
}

static void spawn_by_vfork(char *const *arguments, int status)
{
	volatile pid_t child = vfork();

	if (!child) {
		made_in_vfork();
		execv(arguments[0], arguments);
		_exit(status);
	}
	join(child, status);
}

int main(int argc, char **argv)
{
	char number[12], program[] = "program", *arguments[] = {argv[0], program, number, NULL};
	const char *how = argc > 1 ? argv[1] : "vfork";
	char nowhere[] = "/nonexistent/program", *nothing[] = {nowhere, NULL};
	int i;

	if (!strcmp(how, "program")) {
		made_by_program(atoi(argv[2]));
		books_write();
		return atoi(argv[2]);
	}
	made_before();
	for (i = 0; i < CHILDREN; i++) {
		pid_t child = -1;

		snprintf(number, sizeof(number), "%d", i);
		if (!strcmp(how, "vfork")) {
			spawn_by_vfork(arguments, i);
		} else if (!strcmp(how, "failing")) {
			spawn_by_vfork(nothing, 9);
		} else if (!strcmp(how, "system")) {
			if (system("exec \"$(command -v true)\"") != 0)
				return 1;
		} else if (posix_spawn(&child, argv[0], NULL, NULL, arguments, environ)) {
			return 1;
		} else {
			join(child, i);
		}
	}
	books_write();
	return 0;
}
