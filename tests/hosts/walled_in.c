/*
 * environment: GUARD_START_DELAY=20ms GUARD_INTERVAL=10ms
 * After the start the world goes away: an empty root folder without /proc and without the analyzer's socket, another
 * user, no core dumps and no tracing, no memory that becomes code, not one descriptor more (hazards 112, 113, 115 to
 * 117). Equal: the results and the ends.
 */
#include "host.h"
#include <sys/resource.h>
#include <sys/stat.h>

#define SET_MDWE 65 /* PR_SET_MDWE of Linux 6.3; fails before */

static void wall(int which)
{
	struct rlimit few = {5, 5};
	char folder[] = "/tmp/guard-walled-XXXXXX";

	if (which == 0 || which == 3) {
		if (!mkdtemp(folder) || chroot(folder) || chdir("/"))
			_exit(SKIP);
		say("root is empty: %d\n", access("/proc", F_OK));
	}
	if (which == 1 || which == 3) {
		if (setgid(65534) || setuid(65534))
			_exit(SKIP);
	}
	if (which == 2 || which == 3) {
		prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
		prctl(SET_MDWE, 1, 0, 0, 0);
		setrlimit(RLIMIT_NOFILE, &few);
	}
	say("dumpable: %d\n", prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
}

static int scene(int which)
{
	pid_t child;

	churn_for(which % 2 ? 60 : 0);
	wall(which);
	churn_for(100);
	if (!(child = fork())) {
		churn_for(60);
		exit(4);
	}
	say_end_or_hang("grandchild", child);
	return which;
}

int main(void)
{
	static const char *const names[] = {"no files", "another user", "no tracing", "all of it"};

	if (geteuid())
		return SKIP;
	for (int i = 0; i < 4; i++) {
		pid_t child;

		churn(10);
		if (!(child = fork()))
			exit(scene(i));
		say_end_or_hang(names[i], child);
	}
	return system("rmdir /tmp/guard-walled-* 2>/dev/null") < 0;
}
