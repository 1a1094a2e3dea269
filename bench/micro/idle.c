/*
 * idle THREADS PAIRS: what threads cost that are alive at the same time and have allocated a little.
 *
 * Each makes PAIRS pairs of malloc and free at a few places and then waits until all have. Tells the RSS that
 * they added, by thread, and the CPU time of a thread from its start to its end.
 */
#include "micro.h"
#include <pthread.h>
#include <unistd.h>

enum { STACK = 64 * 1024, PLACES = 8 };

static pthread_barrier_t all_worked, measured;
static long pairs;

static double rss_kb(void)
{
	static char text[128]; /* no stdio: its buffers are memory too */
	long all, resident = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	if (!file || !fgets(text, sizeof(text), file) || sscanf(text, "%ld %ld", &all, &resident) != 2)
		resident = 0;
	if (file)
		fclose(file);
	return resident * (double)sysconf(_SC_PAGESIZE) / 1024;
}

/* Each depth is a callsite. */
static void __attribute__((noinline)) work(int depth)
{
	void *p = malloc(40);

	keep(p);
	if (depth)
		work(depth - 1);
	free(p);
}

static void *run(void *unused)
{
	for (long i = 0; i < pairs / PLACES; i++)
		work(PLACES - 1);
	pthread_barrier_wait(&all_worked);
	pthread_barrier_wait(&measured);
	return unused;
}

int main(int argc, char **argv)
{
	long n = argument(argc, argv, 1, 200);
	pthread_t *ids = malloc(n * sizeof(*ids));
	pthread_attr_t attributes;
	struct best b = {0};
	double before, after;

	pairs = argument(argc, argv, 2, 80);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK);
	pthread_barrier_init(&all_worked, NULL, n + 1);
	pthread_barrier_init(&measured, NULL, n + 1);
	work(PLACES - 1);
	before = rss_kb();
	best_start(&b);
	for (long i = 0; i < n; i++)
		if (pthread_create(&ids[i], &attributes, run, NULL)) {
			fprintf(stderr, "no more than %ld threads\n", i);
			return 1;
		}
	pthread_barrier_wait(&all_worked);
	after = rss_kb();
	pthread_barrier_wait(&measured);
	for (long i = 0; i < n; i++)
		pthread_join(ids[i], NULL);
	best_stop(&b, n);
	printf("\nmicro cpu_ns=%.3f thread_kb=%.3f operations=%ld\n", b.cpu_ns, (after - before) / n, n);
	return 0;
}
