/*
 * environment: GUARD_START_DELAY=20ms GUARD_INTERVAL=10ms
 * One processor, a real-time thread and ordinary ones, all allocating (hazards 75, 82): the real-time one must not
 * wait for what the others hold, and the agent's own thread must not be real-time.
 * Equal: that the work gets done, and that there is no real-time thread but the program's.
 */
#include "host.h"
#include <dirent.h>
#include <sched.h>

static void *work(void *unused)
{
	for (int round = 0; round < 40; round++)
		for (size_t i = 0; i < 300; i++)
			churn(i * 13);
	return unused;
}

static int real_time_threads(void)
{
	DIR *folder = opendir("/proc/self/task");
	struct dirent *entry;
	int n = 0;

	while (folder && (entry = readdir(folder)))
		n += entry->d_name[0] != '.' && sched_getscheduler(atoi(entry->d_name)) == SCHED_FIFO;
	if (folder)
		closedir(folder);
	return n;
}

int main(void)
{
	struct sched_param priority = {.sched_priority = 10};
	pthread_t threads[4];
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	if (sched_setaffinity(0, sizeof(one), &one))
		return SKIP;
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, work, NULL);
	if (sched_setscheduler(0, SCHED_FIFO, &priority))
		return SKIP;
	work(NULL);
	for (int64_t end = now_ms() + 80; now_ms() < end; usleep(1000))
		churn(100);
	say("real-time threads: %d\n", real_time_threads());
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	say("done\n");
	return 0;
}
