/*
 * environment: GUARD_START_DELAY=20ms
 * arguments: a plugin to load and unload, and the same in another file to keep
 * Plugins are loaded and unloaded in four threads while four others allocate and four throw (hazards 52, 54, 66); one
 * is loaded with RTLD_DEEPBIND, and at the end one in a namespace of its own (hazards 12, 13).
 * Equal: what the plugins answer, and that it ends.
 */
#include "host.h"
#include <dlfcn.h>

static const char *path;
static int stop, wrong, rounds;

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
	for (int i = 0; i < rounds; i++)
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

static void *throw(void *work)
{
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
		for (int i = 0; i < 50; i++)
			if ((*(int (**)(int))work)(i) != 60)
				__atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
	return NULL;
}

/* A C library, a heap and an unwinder of its own. */
static bool works_apart(void)
{
	void *handle = dlmopen(LM_ID_NEWLM, path, RTLD_NOW);
	int (*work)(int), sum = 0;

	if (!handle)
		return false;
	*(void **)&work = dlsym(handle, "plugin_work");
	for (int i = 0; i < 100; i++)
		sum += work(i);
	return sum == 6000 && !dlclose(handle);
}

int main(int argc, char **argv)
{
	static int flags[] = {RTLD_NOW, RTLD_LAZY, RTLD_NOW | RTLD_DEEPBIND, RTLD_LAZY | RTLD_LOCAL};
	pthread_t loaders[4], others[4], throwers[4];
	int (*work)(int);
	void *handle;

	if (argc < 3)
		return 99;
	path = argv[1];
	rounds = share(60);
	handle = dlopen(argv[2], RTLD_NOW);
	if (!handle)
		return 99;
	*(void **)&work = dlsym(handle, "plugin_work");
	for (int i = 0; i < 4; i++) {
		pthread_create(&others[i], NULL, allocate, NULL);
		pthread_create(&loaders[i], NULL, load, &flags[i]);
		pthread_create(&throwers[i], NULL, throw, &work);
	}
	for (int i = 0; i < 4; i++)
		pthread_join(loaders[i], NULL);
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < 4; i++) {
		pthread_join(others[i], NULL);
		pthread_join(throwers[i], NULL);
	}
	say("%d wrong, in a namespace of its own: %s\n", wrong, works_apart() ? "fine" : "no");
	return 0;
}
