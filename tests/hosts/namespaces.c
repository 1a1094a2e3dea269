/*
 * environment: GUARD_START_DELAY=1h
 * unshare(CLONE_NEWUSER) and unshare(CLONE_NEWNS) at the start, which need a process of one thread (hazard 73).
 * Equal: the results, and the number of threads before start_delay.
 */
#include "host.h"
#include <dirent.h>
#include <sched.h>

static int threads(void)
{
	DIR *folder = opendir("/proc/self/task");
	struct dirent *entry;
	int n = 0;

	while (folder && (entry = readdir(folder)))
		n += entry->d_name[0] != '.';
	if (folder)
		closedir(folder);
	return n;
}

int main(void)
{
	static const int flags[] = {CLONE_NEWUSER, CLONE_NEWNS, CLONE_VM, CLONE_FS};

	for (size_t i = 1; i < 20000; i++)
		churn(i);
	say("threads: %d\n", threads());
	for (size_t i = 0; i < COUNT(flags); i++) {
		pid_t child = fork();

		if (!child) {
			churn(50);
			errno = 0;
			say("unshare: %d %d\n", unshare(flags[i]), errno);
			churn(50);
			exit(0);
		}
		say_end("child", child);
	}
	say("threads: %d\n", threads());
	return 0;
}
