/*
 * environment: GUARD_START_DELAY=20ms
 * daemon(0, 0) of a process that has no standard input (hazards 87, 107). Equal: what the daemon says.
 */
#include "host.h"

int main(void)
{
	int report;

	close(0);
	churn_for(50);
	report = fcntl(1, F_DUPFD, 10);
	if (daemon(0, 0))
		return 1;
	churn_for(80);
	dup2(report, 1);
	close(report);
	say("parent is %s\n", getsid(0) == getpid() ? "gone, own session" : "gone");
	say_descriptors("open");
	return 4;
}
