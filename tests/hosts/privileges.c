/*
 * environment: GUARD_START_DELAY=20ms
 * Root with threads changes its ids, which glibc does by signalling every thread (hazard 72, M13).
 * Equal: the results, and that it ends.
 */
#include "host.h"
#include <grp.h>

static int stop;

static void *work(void *unused)
{
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
		churn_for(5);
	return unused;
}

static int scene(void)
{
	pthread_t threads[3];

	for (int i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, work, NULL);
	churn_for(100);
	for (int i = 0; i < 50; i++)
		if (setegid(65534) || seteuid(65534) || seteuid(0) || setegid(0))
			return 1;
	if (setgroups(0, NULL) || setgid(65534) || setuid(65534))
		return 2;
	churn_for(50);
	stop = 1;
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	say("now %d %d\n", (int)getuid(), (int)getegid());
	return setuid(0) ? 0 : 3;
}

int main(void)
{
	pid_t child;

	if (geteuid())
		return SKIP;
	churn(1);
	if (!(child = fork()))
		exit(scene());
	say_end_or_hang("changed", child);
	return 0;
}
