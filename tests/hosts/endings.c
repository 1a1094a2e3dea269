/*
 * environment: GUARD_START_DELAY=20ms
 * The ends of processes (hazards 94 to 97): main ends by pthread_exit, exit from a thread while others
 * allocate, exit and _exit in handlers, abort, assert, quick_exit, a return.
 * Equal: the status, what is written by handlers of the end, and that there is an end.
 */
#include "host.h"
#undef NDEBUG
#include <assert.h>

static void at_end(void)
{
	churn(100);
	say("at the end\n");
}

static void *forever(void *unused)
{
	for (;;)
		for (size_t i = 0; i < 100; i++)
			churn(i * 9);
	return unused;
}

static void *for_a_while(void *unused)
{
	churn_for(100);
	return unused;
}

static void *exiting(void *unused)
{
	churn_for(50);
	exit(21);
	return unused;
}

static void handler(int signal)
{
	if (signal == SIGUSR1)
		exit(22);
	_exit(23);
}

static void start(void *(*function)(void *), int n)
{
	pthread_t thread;

	for (int i = 0; i < n; i++)
		pthread_create(&thread, NULL, function, NULL);
}

static int scene(int which)
{
	atexit(at_end);
	at_quick_exit(at_end);
	signal(SIGUSR1, handler);
	signal(SIGUSR2, handler);
	churn_for(which % 2 ? 60 : 0);
	switch (which) {
	case 0:
	case 1:
		start(for_a_while, 3);
		pthread_exit(NULL);
	case 2:
	case 3:
		start(forever, 2);
		start(exiting, 1);
		forever(NULL);
		break;
	case 4:
	case 5:
		start(forever, 2);
		raise(which == 4 ? SIGUSR1 : SIGUSR2);
		break;
	case 6:
		abort();
	case 7:
		assert(which == 8);
		break;
	case 8:
		quick_exit(24);
	case 9:
		start(forever, 3);
		return 25;
	case 10:
		raise(SIGSEGV);
		break;
	case 11:
		start(forever, 2);
		pthread_exit(NULL); /* ended by the alarm */
	}
	return 26;
}

int main(void)
{
	char name[16];

	for (int i = 0; i < 12; i++) {
		pid_t child = fork();

		if (!child) {
			if (i == 11)
				alarm(1);
			exit(scene(i));
		}
		snprintf(name, sizeof(name), "end %d", i);
		say_end_or_hang(name, child);
	}
	return 0;
}
