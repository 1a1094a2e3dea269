/*
 * environment: GUARD_START_DELAY=20ms
 * A process of eight allocating threads forks all the time; the children make threads that allocate
 * (hazards 83 to 89). Equal: how the children end.
 */
#include "host.h"

static int stop;

static void *work(void *unused)
{
	void *blocks[50];

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		for (size_t i = 0; i < COUNT(blocks); i++)
			blocks[i] = malloc(i * 40);
		for (size_t i = 0; i < COUNT(blocks); i++)
			free(blocks[i]);
	}
	return unused;
}

static void *work_once(void *unused)
{
	for (size_t i = 0; i < 500; i++)
		churn(i);
	return unused;
}

static void child(int n)
{
	pthread_t threads[4];

	if (n % 3 == 0)
		_exit(n & 15);
	for (int i = 0; i < 4; i++)
		if (pthread_create(&threads[i], NULL, work_once, NULL))
			_exit(99);
	work_once(NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	if (n % 3 == 1)
		exit(n & 15);
	_exit(n & 15);
}

int main(void)
{
	pthread_t threads[8];
	char name[16];
	pid_t pid;

	for (int i = 0; i < 8; i++)
		pthread_create(&threads[i], NULL, work, NULL);
	for (int n = 0; n < share(60); n++) {
		if (!(pid = fork()))
			child(n);
		snprintf(name, sizeof(name), "child %d", n);
		say_end_or_hang(name, pid);
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
	return 0;
}
