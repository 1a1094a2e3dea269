/*
 * environment: GUARD_START_DELAY=20ms
 * arguments: plugin
 * Plugins are loaded and unloaded in four threads while four others allocate (hazard 54); one is loaded with
 * RTLD_DEEPBIND, one in a namespace of its own (hazards 12, 13).
 * Equal: what the plugins answer, and that it ends.
 */
#include "host.h"
#include <dlfcn.h>

static const char *path;
static int stop, wrong;

static int use(int flags)
{
	int (*work)(int), sum = 0;
	void *handle = dlopen(path, flags);

	if (!handle)
		return -1;
	*(void **)&work = dlsym(handle, "plugin_work");
	for (int i = 0; i < 10; i++)
		sum += work(i);
	dlclose(handle);
	return sum;
}

static void *load(void *flags)
{
	for (int i = 0; i < 60; i++)
		if (use(*(int *)flags) != 600)
			__atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
	return NULL;
}

static void *allocate(void *unused)
{
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
		for (size_t i = 0; i < 200; i++)
			churn(i * 7);
	return unused;
}

int main(int argc, char **argv)
{
	static int flags[] = {RTLD_NOW, RTLD_LAZY, RTLD_NOW | RTLD_DEEPBIND, RTLD_LAZY | RTLD_LOCAL};
	pthread_t loaders[4], others[4];
	void *apart;

	if (argc < 2)
		return SKIP;
	path = argv[1];
	for (int i = 0; i < 4; i++) {
		pthread_create(&others[i], NULL, allocate, NULL);
		pthread_create(&loaders[i], NULL, load, &flags[i]);
	}
	for (int i = 0; i < 4; i++)
		pthread_join(loaders[i], NULL);
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < 4; i++)
		pthread_join(others[i], NULL);
	apart = dlmopen(LM_ID_NEWLM, "libm.so.6", RTLD_NOW);
	say("%d wrong, a namespace of its own: %s\n", wrong, apart && !dlclose(apart) ? "fine" : "no");
	return 0;
}
