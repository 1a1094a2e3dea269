/*
 * environment: GUARD_START_DELAY=20ms
 * preload: signal_safe_heap
 * Threads are cancelled asynchronously, wherever they are: in a hook, in an unwinding, between two instructions
 * (hazard 78). The heap allows it, so the agent is the only one that could mind. Equal: all are joined, the
 * others go on, and new threads find counters.
 */
#include "host.h"

static void clean(void *unused)
{
	(void)unused;
	for (size_t i = 0; i < 10; i++)
		churn(i * 30);
}

static __attribute__((noinline)) void deep(int n)
{
	char room[64];

	kept(room);
	churn((size_t)n * 16);
	if (n)
		deep(n - 1);
	kept(room);
}

static void *work(void *unused)
{
	pthread_cleanup_push(clean, NULL);
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	for (int i = 0;; i = (i + 1) % 70)
		deep(i);
	pthread_cleanup_pop(1);
	return unused;
}

static void *sleep_on(void *unused)
{
	pause();
	return unused;
}

/* What the first cancellation loads stays in memory that the heap does not use again. */
static void cancel_first(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, sleep_on, NULL) || pthread_cancel(thread) || pthread_join(thread, NULL))
		_exit(99);
}

int main(void)
{
	int rounds = share(300), cancelled = 0;
	pthread_t threads[4];
	void *result;

	cancel_first();
	for (int round = 0; round < rounds; round++) {
		for (int i = 0; i < 4; i++)
			if (pthread_create(&threads[i], NULL, work, NULL))
				return 1;
		usleep((useconds_t)(round % 50) * 20);
		deep(20);
		for (int i = 0; i < 4; i++)
			pthread_cancel(threads[i]);
		for (int i = 0; i < 4; i++)
			cancelled += !pthread_join(threads[i], &result) && result == PTHREAD_CANCELED;
	}
	say("%d not cancelled\n", rounds * 4 - cancelled);
	return 0;
}
