/*
 * arguments: libguard.so
 * A program, and its threads, load and drop libguard.so with dlopen, again and again, amid their allocations (hazards
 * 14, 17): it is there already, or comes too late for the initial thread-local storage and stays dormant; it is never
 * unloaded. Equal: that it can be loaded, and that all goes on.
 */
#include "host.h"
#include <dlfcn.h>

static const char *path;
static int loaded;

static void *work(void *unused)
{
	for (int i = 0; i < 50; i++) {
		void *handle = dlopen(path, i % 2 ? RTLD_NOW : RTLD_LAZY | RTLD_GLOBAL);

		__atomic_add_fetch(&loaded, !!handle, __ATOMIC_RELAXED);
		for (size_t k = 0; k < 50; k++)
			churn(k * 20);
		if (handle)
			dlclose(handle);
	}
	return unused;
}

int main(int argc, char **argv)
{
	pthread_t threads[4];

	if (argc < 2)
		return 99;
	path = argv[1];
	churn(10);
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, work, NULL);
	work(NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	churn_for(50);
	say("loaded %d times\n", loaded);
	return 6;
}
