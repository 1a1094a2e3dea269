/*
 * Privilege separation as servers do it: fork, filter, work (hazard 114). The filter is set before the
 * child allocates for the first time, and a second child is forked under it.
 * Equal: the ends of the children.
 */
#include "host.h"

static int work(void)
{
	for (size_t i = 1; i < 1000; i++)
		churn(i);
	return 3;
}

int main(void)
{
	pid_t child;

	churn(10);
	if (!(child = fork())) {
		if (filter_kill_helpers(0))
			_exit(SKIP);
		_exit(work());
	}
	say_end("filter before the first malloc", child);
	if (!(child = fork())) {
		churn(10);
		if (filter_kill_helpers(0))
			_exit(SKIP);
		_exit(work());
	}
	say_end("filter after it", child);
	if (!(child = fork())) {
		static const int calls[] = {SYS_socket, SYS_connect, SYS_memfd_create, SYS_openat, SYS_prlimit64};
		pid_t grandchild;

		churn(10);
		if (filter_calls(calls, COUNT(calls), SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_ALLOW, 0))
			_exit(SKIP);
		if (!(grandchild = fork()))
			_exit(work());
		say_end("forked under the filter", grandchild);
		exit(work());
	}
	say_end("its parent", child);
	return 0;
}
