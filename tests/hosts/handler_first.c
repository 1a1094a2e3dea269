/*
 * environment: GUARD_START_DELAY=20ms
 * preload: signal_safe_heap
 * All allocations are made by handlers, which interrupt a loop that makes threads, loads libraries and prints:
 * inside them the agent must not start its thread (hazards 24, 76). Equal: that it ends.
 */
#include "host.h"

static void handler(int signal)
{
	(void)signal;
	for (size_t i = 0; i < 5; i++)
		churn(i * 10);
}

static void *nothing(void *unused)
{
	return unused;
}

static int scene(void)
{
	struct itimerval often = {{0, 150}, {0, 150}};
	pthread_t thread;

	signal(SIGALRM, handler);
	setitimer(ITIMER_REAL, &often, NULL);
	for (int64_t end = now_ms() + 60; now_ms() < end;)
		if (!pthread_create(&thread, NULL, nothing, NULL))
			pthread_join(thread, NULL);
	_exit(6);
}

int main(void)
{
	for (int i = 0; i < 20; i++) {
		pid_t child = fork();

		if (!child)
			_exit(scene());
		say_end_within("child", child, 3000);
	}
	return 0;
}
