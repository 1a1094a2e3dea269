/*
 * environment: GUARD_START_DELAY=20ms
 * Little address space, no more processes, no more descriptors, in force at the start or later, set by the program
 * for itself and the children it forks (hazard 117).
 * Equal: that what a small program needs is there, and the ends.
 */
#include "host.h"
#include <sys/mman.h>
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

/* As servers do that limit each session: what the agent has reserved must not be what the limit leaves. */
static void work_limited(bool raw)
{
	size_t much = 60 << 20;
	void *p;
	pid_t child;

	limit(RLIMIT_AS, 200 << 20);
	p = mmap(NULL, much, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	say("60 MB: %s\n", p == MAP_FAILED ? strerror(errno) : "fine");
	munmap(p, much);
	child = raw ? (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) : fork();
	if (!child) {
		free(kept(malloc(much)));
		exit(work());
	}
	say_end_or_hang("child", child);
	exit(work());
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
	if (which == 5 || which == 6)
		work_limited(which == 6);
	execl("/proc/self/exe", name, "again", (char *)NULL);
	_exit(SKIP);
}

int main(int argc, char **argv)
{
	static const char *const names[] = {
		"address space",	   "processes", "descriptors", "data", "stack", "limited later",
		"limited later, raw forks"};

	if (argc > 1)
		return work();
	for (size_t i = 0; i < COUNT(names); i++) {
		pid_t child = fork();

		if (!child)
			scene((int)i, argv[0]);
		say_end_or_hang(names[i], child);
	}
	return 0;
}
