/*
 * environment: GUARD_START_DELAY=20ms
 * A fork handler that waits for threads which allocate and print (hazard 84), before the fork and behind it, in the
 * parent and in the child; handlers registered before the agent's and after. Equal: that each fork ends.
 */
#include "host.h"

static void *work(void *unused)
{
	char text[64];
	FILE *file = fopen("/dev/null", "w");

	for (size_t i = 0; i < 50; i++) {
		churn(i * 40);
		if (file)
			fprintf(file, "%d", snprintf(text, sizeof(text), "%zu", i));
	}
	if (file)
		fclose(file);
	return unused;
}

static void join_others(void)
{
	pthread_t threads[3];

	for (int i = 0; i < 3; i++)
		if (pthread_create(&threads[i], NULL, work, NULL))
			_exit(98);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
}

static void allocate(void)
{
	churn(100);
}

__attribute__((constructor(101))) static void early(void)
{
	pthread_atfork(join_others, allocate, join_others);
}

int main(void)
{
	pid_t child;

	churn(10);
	pthread_atfork(join_others, join_others, allocate);
	for (int i = 0; i < share(20); i++) {
		churn_for(5);
		if (!(child = fork())) {
			join_others();
			exit(i);
		}
		say_end_or_hang("child", child);
	}
	return 0;
}
