/*
 * A library whose constructor, which runs before the agent's, allocates, makes eight threads that allocate and leaves
 * them running (hazards 21, 22, 24); the program goes on with them. Built twice: with LIBRARY as that library.
 * Equal: what the threads have done, and that it ends.
 */
#include "host.h"

void early_begin(void);
int early_end(void);

#ifdef LIBRARY
static pthread_t threads[8];
static int stop, done;

static void *work(void *unused)
{
	do {
		for (size_t i = 0; i < 500; i++)
			churn(i * 8);
	} while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE));
	__atomic_add_fetch(&done, 1, __ATOMIC_RELAXED);
	return unused;
}

__attribute__((constructor(101))) void early_begin(void)
{
	for (size_t i = 0; i < 10000; i++)
		churn(i % 700);
	for (int i = 0; i < 8; i++)
		if (pthread_create(&threads[i], NULL, work, NULL))
			_exit(98);
}

int early_end(void)
{
	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	for (int i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
	return done;
}
#else
int main(void)
{
	for (size_t i = 0; i < 1000; i++)
		churn(i);
	say("%d done\n", early_end());
	return 0;
}
#endif
