/*
 * Leaks -- 640 bytes each tenth of a millisecond beside a steady 8 MB, until it is killed, or for the
 * seconds of its second argument, after which it ends as its first one says: kill, _exit or exec.
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

int main(int argc, char **argv)
{
	const struct timespec pause = {.tv_nsec = 100000};
	time_t end = time(NULL) + (argc > 2 ? atoi(argv[2]) : 0);
	void *volatile kept = keep_here(8u << 20);

	while (argc < 3 || time(NULL) < end) {
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
