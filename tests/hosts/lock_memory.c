/*
 * mlockall by a user whose limit is 128 MB, and MCL_FUTURE (hazards 117, M16): the reserve must not count.
 * Equal: the results, and resident memory within 24 MB.
 */
#include "host.h"
#include <sys/mman.h>
#include <sys/resource.h>

static long resident_mb(void)
{
	long pages = 0, total;
	FILE *file = fopen("/proc/self/statm", "r");

	if (!file || fscanf(file, "%ld %ld", &total, &pages) != 2)
		return -1;
	fclose(file);
	return pages * 4 / 1024;
}

static void scene(int flags)
{
	struct rlimit limit = {128 << 20, 128 << 20};
	static void *blocks[1000];
	int r;

	if (setrlimit(RLIMIT_MEMLOCK, &limit))
		_exit(SKIP);
	if (getuid() == 0 && setuid(65534))
		_exit(SKIP);
	r = mlockall(flags);
	say("mlockall: %s\n", r ? strerror(errno) : "fine");
	for (size_t i = 0; i < COUNT(blocks); i++) {
		blocks[i] = malloc(4000);
		if (!blocks[i])
			say("no memory at %zu\n", i);
	}
	say("resident: %s\n", resident_mb() < 36 ? "little" : "much");
	exit(0);
}

int main(void)
{
	static const int flags[] = {MCL_CURRENT, MCL_CURRENT | MCL_FUTURE};

	for (int i = 0; i < 2; i++) {
		pid_t child;

		churn(20);
		if (!(child = fork()))
			scene(flags[i]);
		say_end("locked", child);
	}
	return 0;
}
