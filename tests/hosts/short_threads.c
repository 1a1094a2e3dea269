/*
 * environment: GUARD_START_DELAY=20ms
 * Many threads, each alive for a moment, some ending in key destructors that allocate (hazards 79 to 81).
 * Equal: that resident memory stays small.
 */
#include "host.h"

static pthread_key_t key;

static long resident_kb(void)
{
	long total = 0, pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	if (!file || fscanf(file, "%ld %ld", &total, &pages) != 2)
		return -1;
	fclose(file);
	return pages * 4;
}

static void destroy(void *value)
{
	free(value);
	churn(200);
	if ((uintptr_t)kept(malloc(10)) % 3 == 0)
		pthread_setspecific(key, malloc(30)); /* once more */
}

static void *work(void *unused)
{
	pthread_setspecific(key, malloc(50));
	churn(100);
	return unused;
}

int main(void)
{
	pthread_t threads[4];
	int rounds = share(5000);
	long before = 0;

	pthread_key_create(&key, destroy);
	for (int i = 0; i < rounds; i++) {
		for (int k = 0; k < 4; k++)
			if (pthread_create(&threads[k], NULL, work, NULL))
				return 1;
		for (int k = 0; k < 4; k++)
			pthread_join(threads[k], NULL);
		if (i == rounds / 10)
			before = resident_kb();
	}
	say("memory is %s\n", resident_kb() - before < 4096 ? "flat" : "growing");
	return 0;
}
