/*
 * A filter that allows what malloc, write and the end need, and kills for anything else (hazard 114).
 * Equal: the ends and the output, for the main thread and for one that was there before, by exit and _exit.
 */
#include "host.h"

static int to_thread[2], from_thread[2];

static int sandbox(unsigned flags)
{
	static const int calls[] = {SYS_read,  SYS_write,      SYS_exit,	 SYS_exit_group,   SYS_brk,
				    SYS_mmap,  SYS_munmap,     SYS_mremap,	 SYS_madvise,	   SYS_mprotect,
				    SYS_futex, SYS_newfstatat, SYS_rt_sigreturn, SYS_clock_gettime};

	return filter_calls(calls, COUNT(calls), SECCOMP_RET_ALLOW, SECCOMP_RET_KILL_PROCESS, flags);
}

static __attribute__((noinline)) void deep(int n)
{
	char room[512];

	kept(room);
	churn((size_t)n + 1);
	if (n)
		deep(n - 1);
	kept(room);
}

static void *work(void *unused)
{
	char go;

	churn(30);
	if (write(from_thread[1], "x", 1) == 1 && read(to_thread[0], &go, 1) == 1)
		deep(300);
	say("the thread is done\n");
	_exit(4); /* a thread's own end needs more than this filter allows */
	return unused;
}

static int scene(int which)
{
	pthread_t thread;

	char ready;

	if (pipe(to_thread) || pipe(from_thread))
		return 1;
	if (which == 2 && (pthread_create(&thread, NULL, work, NULL) || read(from_thread[0], &ready, 1) != 1))
		return 1;
	printf("a buffer for stdio, ");
	if (sandbox(which == 2 ? SECCOMP_FILTER_FLAG_TSYNC : 0))
		return SKIP;
	deep(500);
	if (which == 2) {
		if (write(to_thread[1], "x", 1) != 1)
			return 1;
		pthread_join(thread, NULL);
	}
	if (which == 1)
		_exit(4);
	printf("and a line\n");
	return 4;
}

int main(void)
{
	static const char *const names[] = {"exit", "_exit", "threads"};

	for (int i = 0; i < 3; i++) {
		pid_t child;

		churn(20);
		if (!(child = fork()))
			exit(scene(i));
		say_end(names[i], child);
	}
	return 0;
}
