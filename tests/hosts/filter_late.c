/*
 * environment: GUARD_START_DELAY=50ms GUARD_INTERVAL=20ms
 * A filter that kills for socket, clone, openat, memfd_create and some more, set after the start, for this
 * thread or for all of them; then allocations past the start delay (hazard 114, 73).
 * Equal: the ends.
 */
#include "host.h"

static void scene(int which)
{
	churn_for(which == 1 ? 20 : which == 2 ? 150 : 0);
	if (filter_kill_helpers(which ? SECCOMP_FILTER_FLAG_TSYNC : 0))
		_exit(SKIP);
	churn_for(300);
	exit(which + 1);
}

int main(void)
{
	static const char *const names[] = {"at once", "before the start delay", "after it"};

	for (int i = 0; i < 3; i++) {
		pid_t child;

		churn(20);
		if (!(child = fork()))
			scene(i);
		say_end(names[i], child);
	}
	scene(2);
	return 0;
}
