/*
 * seccomp strict: after some mallocs, by prctl and by the system call (hazard 114, M14). Then new stacks,
 * many blocks, another thread's first malloc. Only read, write, exit and sigreturn are allowed from there.
 * Equal: the ends and the output.
 */
#include "host.h"
#include <malloc.h>

static __attribute__((noinline)) void deep(int n, size_t size)
{
	char room[64];

	kept(room);
	churn(size);
	if (n)
		deep(n - 1, size);
	kept(room);
}

static void end(int status)
{
	for (;;)
		syscall(SYS_exit, status);
}

static void strict(int how)
{
	if (how == 0 ? prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) : syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, 0))
		_exit(SKIP);
}

static void *in_thread(void *unused)
{
	strict(0);
	churn(16);
	say("the thread's first malloc went well\n");
	end(0);
	return unused;
}

static void scene(int which)
{
	static void *blocks[2000];
	pthread_t thread;

	mallopt(M_TOP_PAD, 8 << 20);
	mallopt(M_TRIM_THRESHOLD, 1 << 30);
	mallopt(M_ARENA_MAX, 1);
	for (size_t i = 0; i < COUNT(blocks); i++)
		blocks[i] = malloc(2000);
	for (size_t i = 0; i < COUNT(blocks); i++)
		free(blocks[i]);
	for (int i = 0; i < 100; i++)
		churn((size_t)i);
	if (which == 3) {
		pthread_create(&thread, NULL, in_thread, NULL);
		pthread_join(thread, NULL);
		end(6);
	}
	printf("a buffer for stdio, ");
	strict(which == 1);
	if (which == 4) {
		printf("and a line\n");
		exit(1); /* flushes, then is killed for exit_group */
	}
	for (int i = 0; i < 200; i++)
		deep(i, 24);
	say("new stacks went well\n");
	for (size_t i = 0; i < COUNT(blocks); i++)
		blocks[i] = malloc(i);
	for (size_t i = 0; i < COUNT(blocks); i++)
		free(blocks[i]);
	say("blocks went well\n");
	end(6);
}

int main(void)
{
	static const char *const names[] = {"prctl", "syscall", "raw end", "thread", "exit"};

	for (int i = 0; i < 5; i++) {
		pid_t child;

		churn(20);
		if (!(child = fork()))
			scene(i);
		say_end(names[i], child);
	}
	return 0;
}
