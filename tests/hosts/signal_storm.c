/*
 * environment: GUARD_START_DELAY=20ms
 * preload: signal_safe_heap
 * Timers and kills in four threads whose handlers allocate and free, in the midst of loops that do (hazards
 * 30, 55). The heap allows it, so the agent is the only one that could mind.
 * Equal: that it ends.
 */
#include "host.h"

enum { THREADS = 3, NESTED = 16 }; // a handler's frame is up to 18 KB: a stack holds that many for certain

static int handled, stop, nested[THREADS + 1];
static __thread int me = THREADS;

static __attribute__((noinline)) void deep(int n)
{
	char room[64];

	kept(room);
	churn((size_t)n * 16);
	if (n)
		deep(n - 1);
	kept(room);
}

static void handler(int signal)
{
	int saved = errno;

	__atomic_add_fetch(&nested[me], 1, __ATOMIC_RELAXED);
	deep(signal % 8);
	__atomic_add_fetch(&handled, 1, __ATOMIC_RELAXED);
	__atomic_sub_fetch(&nested[me], 1, __ATOMIC_RELAXED);
	errno = saved;
}

static void *work(void *number)
{
	me = (int)(intptr_t)number;
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
		for (int i = 0; i < 40; i++)
			deep(i);
	return NULL;
}

static void storm(pthread_t thread, int number, int signal)
{
	if (__atomic_load_n(&nested[number], __ATOMIC_RELAXED) < NESTED)
		pthread_kill(thread, signal);
}

int main(void)
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
	struct itimerval often = {{0, 300}, {0, 300}}, never = {{0, 0}, {0, 0}};
	pthread_t threads[THREADS];

	sigaction(SIGALRM, &action, NULL);
	sigaction(SIGUSR1, &action, NULL);
	action.sa_flags |= SA_NODEFER;
	sigaction(SIGUSR2, &action, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, work, (void *)(intptr_t)i);
	setitimer(ITIMER_REAL, &often, NULL);
	for (int64_t end = now_ms() + share(1500); now_ms() < end || handled < share(100); deep(5)) {
		int one = handled % THREADS, other = (one + 1) % THREADS;

		storm(threads[one], one, SIGUSR1);
		storm(threads[other], other, SIGUSR2);
	}
	setitimer(ITIMER_REAL, &never, NULL);
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	say("handled many\n");
	return 0;
}
