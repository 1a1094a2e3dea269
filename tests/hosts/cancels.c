/*
 * environment: GUARD_START_DELAY=20ms
 * Threads that allocate are cancelled, at cancellation points (hazard 78). The rest go on.
 * Equal: all are joined.
 */
#include "host.h"

static int cleaned;

static void clean(void *block)
{
	free(block);
	__atomic_add_fetch(&cleaned, 1, __ATOMIC_RELAXED);
}

static void *work(void *unused)
{
	void *block = malloc(100);

	pthread_cleanup_push(clean, block);
	for (size_t i = 0;; i++) {
		churn(i % 1000);
		if (i % 16 == 0)
			pthread_testcancel();
	}
	pthread_cleanup_pop(1);
	return unused;
}

int main(void)
{
	pthread_t threads[4];
	void *result;
	int cancelled = 0;

	for (int round = share(150); round; round--) {
		for (int i = 0; i < 4; i++)
			if (pthread_create(&threads[i], NULL, work, NULL))
				return 1;
		usleep(200);
		for (int i = 0; i < 4; i++)
			pthread_cancel(threads[i]);
		for (int i = 0; i < 4; i++)
			cancelled += !pthread_join(threads[i], &result) && result == PTHREAD_CANCELED;
	}
	say("cancelled %d\n", cancelled);
	churn_for(50);
	return 0;
}
