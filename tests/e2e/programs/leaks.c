/*
 * Leaks -- five times 640 bytes a millisecond beside a steady 8 MB, until it is killed, or for the
 * seconds of its second argument, after which it ends as its first one says: kill, _exit or exec.
 * By the clock: where the machine has stood still, what has not been lost meanwhile is lost at once.
 *
 * Run by services/last_verdict.py.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

__attribute__((noinline)) static void *leak_here(size_t size)
{
	void *p = malloc(size);

	memset(p, 1, size);
	return p;
}

__attribute__((noinline)) static void *keep_here(size_t size)
{
	void *p = malloc(size);

	memset(p, 1, size);
	return p;
}

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int main(int argc, char **argv)
{
	const struct timespec pause = {.tv_nsec = 100000};
	long begun = now_ms(), passed, n = 0, end = argc > 2 ? atol(argv[2]) * 1000 : 0;
	void *volatile kept = keep_here(8u << 20);

	while ((passed = now_ms() - begun) < end || argc < 3) {
		for (; n < 5 * passed; n++)
			kept = leak_here(640);
		nanosleep(&pause, NULL);
	}
	(void)kept;
	if (strcmp(argv[1], "kill") == 0)
		raise(SIGKILL);
	if (strcmp(argv[1], "exec") == 0)
		execl("/bin/true", "true", (char *)NULL);
	_exit(0);
}
