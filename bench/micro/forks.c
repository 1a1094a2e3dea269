/*
 * forks BLOCKS FORKS: how long a fork takes, with BLOCKS live blocks of 64 bytes, until the parent goes on.
 *
 * The child ends at once. cpu_ns is the CPU time of the parent in fork, wall_ns the time until the call returns.
 */
#include "micro.h"
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	long blocks = argument(argc, argv, 1, 1000000), forks = argument(argc, argv, 2, 10);
	void **all = calloc(blocks + 1, sizeof(*all));
	struct best best = {0};

	if (!all)
		return 1;
	for (long i = 0; i < blocks; i++) {
		all[i] = malloc(64);
		if (!all[i])
			return 1;
		*(char *)all[i] = 1;
	}
	for (long i = 0; i < forks; i++) {
		pid_t pid;

		best_start(&best);
		pid = fork();
		if (!pid)
			_exit(0);
		best_stop(&best, 1);
		if (pid < 0 || waitpid(pid, NULL, 0) != pid)
			return 1;
	}
	best_print(&best);
	return 0;
}
