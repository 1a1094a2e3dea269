/*
 * environment: GUARD_START_DELAY=20ms
 * A process that made no child has none, and hears of none (hazard 99). Equal: wait's answers.
 */
#include "host.h"

static volatile sig_atomic_t heard;

static void on_child(int signal)
{
	heard += signal > 0;
}

int main(void)
{
	signal(SIGCHLD, on_child);
	for (int i = 0; i < 3; i++) {
		errno = 0;
		say("waitpid: %d %d\n", (int)waitpid(-1, NULL, WNOHANG), errno);
		churn_for(60);
	}
	say("heard of %d\n", (int)heard);
	return 0;
}
