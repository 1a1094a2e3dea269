/*
 * A limit on file sizes, in force before the program starts (hazards 117, 10).
 * Equal: the status; the agent's memfd must not draw SIGXFSZ on the host.
 */
#include "host.h"
#include <sys/resource.h>

int main(int argc, char **argv)
{
	struct rlimit limit = {64 * 1024, 64 * 1024};

	if (argc > 1) {
		churn(100);
		pid_t child = fork();

		if (!child) {
			churn(100);
			_exit(7);
		}
		say_end("child", child);
		return 5;
	}
	setrlimit(RLIMIT_FSIZE, &limit);
	execl("/proc/self/exe", argv[0], "again", (char *)NULL);
	return 1;
}
