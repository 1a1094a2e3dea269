/*
 * A filter that allows nothing but write and the end, when malloc has memory enough (hazard 114): as servers do that
 * take what they need first. Blocks land where none was before, from call chains that were not met before.
 * Equal: the ends and the output, in the process that enters it, and in a child by a raw fork.
 */
#include "host.h"
#include <malloc.h>

#define HEAP (96 << 20)

static __attribute__((noinline)) void deep(int n)
{
	char room[256];

	kept(room);
	churn((size_t)n * 40 + 1);
	if (n)
		deep(n - 1);
	kept(room);
}

static int work(void)
{
	static const int calls[] = {SYS_write, SYS_exit_group};
	void *large = kept(malloc(HEAP));
	static char *blocks[HEAP / (2 << 20)];
	unsigned n = 0;

	free(large);
	if (filter_calls(calls, COUNT(calls), SECCOMP_RET_ALLOW, SECCOMP_RET_KILL_PROCESS, 0))
		return SKIP;
	for (; n < COUNT(blocks) && (blocks[n] = malloc((2 << 20) - 4096)); n++)
		churn(300);
	deep(300);
	say("%u blocks\n", n);
	for (unsigned i = 0; i < n; i++)
		free(blocks[i]);
	return 3;
}

int main(void)
{
	mallopt(M_MMAP_THRESHOLD, 1 << 30);
	mallopt(M_TRIM_THRESHOLD, 1 << 30);
	for (int i = 0; i < 2; i++) {
		pid_t child = i ? (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) : fork();

		if (!child)
			_exit(work());
		say_end_or_hang("sandboxed", child);
	}
	return 0;
}
