/*
 * environment: GUARD_START_DELAY=20ms
 * Signals are blocked and waited for, while a child sends them one by one; nobody else may take one (hazard 71).
 * Equal: all arrive.
 */
#include "host.h"

#define ROUNDS 2000

static int acknowledge[2];

static void sender(pid_t parent)
{
	static const int signals[] = {SIGTERM, SIGUSR1, SIGHUP, SIGINT};
	char byte;

	for (int i = 0; i < ROUNDS; i++) {
		kill(parent, signals[i % 4]);
		if (read(acknowledge[0], &byte, 1) != 1)
			_exit(1);
	}
	_exit(0);
}

int main(void)
{
	struct timespec limit = {60, 0};
	sigset_t set;
	pid_t child;
	int n = 0;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	churn_for(100);
	if (pipe(acknowledge))
		return 1;
	if (!(child = fork()))
		sender(getppid());
	for (n = 0; n < ROUNDS && sigtimedwait(&set, NULL, &limit) > 0; n++) {
		churn(100);
		if (write(acknowledge[1], "x", 1) != 1)
			return 1;
	}
	say("%d arrived\n", n);
	say_end_or_hang("sender", child);
	return 0;
}
