/*
 * environment: GUARD_START_DELAY=20ms
 * preload: signal_safe_heap
 * Handlers leave by siglongjmp wherever they interrupt a loop that allocates (hazard 30).
 * Equal: that it ends, with threads and without.
 */
#include "host.h"
#include <setjmp.h>

static __thread sigjmp_buf back;
static __thread volatile int armed;
static int jumps, enough, over;
static int64_t end;

static void handler(int signal)
{
	(void)signal;
	if (!armed)
		return;
	armed = 0;
	churn(10);
	if (__atomic_add_fetch(&jumps, 1, __ATOMIC_RELAXED) >= enough && now_ms() >= end)
		__atomic_store_n(&over, 1, __ATOMIC_RELAXED);
	siglongjmp(back, 1);
}

static __attribute__((noinline)) void deep(int n)
{
	char room[64];

	kept(room);
	churn((size_t)n * 16);
	if (n)
		deep(n - 1);
	kept(room);
}

static void *work(void *unused)
{
	while (!__atomic_load_n(&over, __ATOMIC_RELAXED)) {
		if (!sigsetjmp(back, 1)) {
			armed = 1;
			for (int i = 0;; i = (i + 1) % 60)
				deep(i);
		}
	}
	armed = 0;
	return unused;
}

/* Until there were so many jumps more, for so long at least. */
static void begin(int more, int ms)
{
	enough = jumps + more;
	end = now_ms() + ms;
	__atomic_store_n(&over, 0, __ATOMIC_RELAXED);
}

int main(void)
{
	struct itimerval often = {{0, 500}, {0, 500}}, never = {{0, 0}, {0, 0}};
	pthread_t threads[3];

	signal(SIGALRM, handler);
	signal(SIGUSR1, handler);
	setitimer(ITIMER_REAL, &often, NULL);
	begin(share(100), share(1000));
	work(NULL);
	begin(share(300), share(1300));
	for (int i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, work, NULL);
	for (; !__atomic_load_n(&over, __ATOMIC_RELAXED); usleep(200))
		for (int i = 0; i < 3; i++)
			pthread_kill(threads[i], SIGUSR1);
	setitimer(ITIMER_REAL, &never, NULL);
	say("jumped often\n");
	_exit(3);
}
