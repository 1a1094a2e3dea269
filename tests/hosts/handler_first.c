/*
 * environment: GUARD_START_DELAY=20ms
 * preload: signal_safe_heap
 * All allocations are made by handlers, which interrupt a loop that makes threads, loads libraries and prints:
 * inside them the agent must not start its thread, however long it has waited for a better place (hazards 24, 76):
 * the thread library's locks may be held. Equal: that it ends, and that there is one thread.
 */
#include "host.h"
#include <sys/stat.h>

static volatile sig_atomic_t handled;

static void handler(int signal)
{
	(void)signal;
	for (size_t i = 0; i < 5; i++)
		churn(i * 10);
	handled++;
}

static void *nothing(void *unused)
{
	return unused;
}

/* Allocates nothing. A thread that was joined may be there for a moment more. */
static int threads(void)
{
	struct stat st;

	for (int i = 0; i < 4000 && !stat("/proc/self/task", &st) && st.st_nlink > 3; i++)
		usleep(5000);
	return (int)st.st_nlink - 2;
}

static int scene(void)
{
	struct itimerval often = {{0, 150}, {0, 150}}, never = {{0, 0}, {0, 0}};
	pthread_t thread;

	signal(SIGALRM, handler);
	setitimer(ITIMER_REAL, &often, NULL);
	for (int64_t end = now_ms() + 60; now_ms() < end || handled < 400;)
		if (!pthread_create(&thread, NULL, nothing, NULL))
			pthread_join(thread, NULL);
	setitimer(ITIMER_REAL, &never, NULL);
	say("threads: %d\n", threads());
	_exit(6);
}

int main(void)
{
	for (int i = 0; i < share(10); i++) {
		pid_t child = fork();

		if (!child)
			_exit(scene());
		say_end_or_hang("child", child);
	}
	return 0;
}
