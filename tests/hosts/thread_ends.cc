/*
 * environment: GUARD_START_DELAY=20ms
 * What runs when threads end (hazards 61, 79, M5, M6): destructors of thread_local objects, four rounds of key
 * destructors, libc's own freeing of its per-thread buffers; and threads that ask for their stack first of all.
 * Equal: how often each ran, and that all end.
 */
#include <atomic>
#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <string>
#include <vector>

static std::atomic<int> objects, keys, stacks;
static pthread_key_t key;

struct holder {
	std::vector<std::string> texts;

	~holder()
	{
		texts.push_back(std::string(200, 'z'));
		objects += static_cast<int>(texts.size());
	}
};

static thread_local holder early, late;

static void destroy(void *value)
{
	int round = *static_cast<int *>(value);

	delete static_cast<int *>(value);
	keys++;
	if (round < 5)
		pthread_setspecific(key, new int(round + 1));
}

static void *work(void *)
{
	pthread_attr_t attributes;
	size_t size = 0;
	void *low;

	if (!pthread_getattr_np(pthread_self(), &attributes)) {
		pthread_attr_getstack(&attributes, &low, &size);
		pthread_attr_destroy(&attributes);
	}
	stacks += size > 0;
	early.texts.push_back(std::string(100, 'x'));
	pthread_setspecific(key, new int(1));
	dlopen("no such library", RTLD_NOW);
	strerror(12345);
	gethostbyname("127.0.0.1");
	late.texts.push_back(std::string(100, 'y'));
	return nullptr;
}

int main()
{
	pthread_t threads[8];

	pthread_key_create(&key, destroy);
	for (int round = 0; round < 60; round++) {
		for (pthread_t &thread : threads)
			if (pthread_create(&thread, nullptr, work, nullptr))
				return 1;
		for (pthread_t &thread : threads)
			pthread_join(thread, nullptr);
	}
	printf("objects %d, keys %d, stacks %d\n", objects.load(), keys.load(), stacks.load());
	return 0;
}
