/*
 * environment: GUARD_START_DELAY=20ms
 * Little address space, no more processes, no more descriptors, in force at the start or later (hazard 117).
 * Equal: that what a small program needs is there, and the ends.
 */
#include "host.h"
#include <sys/resource.h>

static void limit(int what, rlim_t value)
{
	struct rlimit both = {value, value};

	if (setrlimit((__rlimit_resource_t)what, &both))
		_exit(SKIP);
}

static int work(void)
{
	static void *blocks[2000];
	int missing = 0;

	for (size_t i = 0; i < COUNT(blocks); i++)
		missing += !(blocks[i] = kept(malloc(i * 8)));
	for (size_t i = 0; i < COUNT(blocks); i++)
		free(blocks[i]);
	churn_for(60);
	say("%d missing\n", missing);
	return missing ? 1 : 0;
}

static void scene(int which, char *name)
{
	if (which == 0)
		limit(RLIMIT_AS, 64 << 20);
	if (which == 1) {
		if (getuid() == 0 && setuid(65534))
			_exit(SKIP);
		limit(RLIMIT_NPROC, 0);
	}
	if (which == 2) {
		limit(RLIMIT_NOFILE, 3);
		exit(work());
	}
	if (which == 3)
		limit(RLIMIT_DATA, 24 << 20);
	if (which == 4)
		limit(RLIMIT_STACK, 256 << 10);
	execl("/proc/self/exe", name, "again", (char *)NULL);
	_exit(SKIP);
}

int main(int argc, char **argv)
{
	static const char *const names[] = {"address space", "processes", "descriptors", "data", "stack"};

	if (argc > 1)
		return work();
	for (int i = 0; i < 5; i++) {
		pid_t child = fork();

		if (!child)
			scene(i, argv[0]);
		say_end_within(names[i], child, 5000);
	}
	return 0;
}
