/*
 * environment: GUARD_START_DELAY=20ms
 * Exceptions in eight threads, deep and nested, some of the threads cancelled (hazards 51, 52).
 * Equal: all are caught.
 */
#include <atomic>
#include <pthread.h>
#include <stdexcept>
#include <stdio.h>
#include <string>
#include <unistd.h>
#include <vector>

static std::atomic<bool> stop;
static std::atomic<int> wrong;

struct holder {
	std::string text = std::string(100, 'x');
	std::vector<int> numbers = std::vector<int>(50);
};

static __attribute__((noinline)) void deep(int n)
{
	holder one;

	if (!n)
		throw std::runtime_error(one.text);
	try {
		deep(n - 1);
	} catch (std::logic_error &) {
		wrong++;
	}
}

static void *work(void *cancelled)
{
	while (cancelled || !stop) {
		try {
			deep(12);
			wrong++;
		} catch (std::exception &e) {
			wrong += std::string(e.what()).size() != 100;
		}
		if (cancelled)
			pthread_testcancel();
	}
	return NULL;
}

int main()
{
	pthread_t steady[4], mortal[4];

	for (pthread_t &thread : steady)
		pthread_create(&thread, NULL, work, NULL);
	for (int round = 0; round < 50; round++) {
		for (pthread_t &thread : mortal)
			pthread_create(&thread, NULL, work, mortal);
		usleep(5000);
		for (pthread_t &thread : mortal)
			pthread_cancel(thread);
		for (pthread_t &thread : mortal)
			pthread_join(thread, NULL);
	}
	stop = true;
	for (pthread_t &thread : steady)
		pthread_join(thread, NULL);
	printf("%d wrong\n", wrong.load());
	return 0;
}
