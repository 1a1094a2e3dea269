/*
 * environment: GUARD_START_DELAY=1h
 * What a host may look at: weak symbols that stay null, the slack of blocks, errno, the signal table,
 * limits, name, mask, dumpable, and the time before start_delay with one thread (hazards 10, 32, 44, 74, 98).
 * Equal: all of it.
 */
#include "host.h"
#include <dirent.h>
#include <malloc.h>
#include <sys/resource.h>
#include <sys/single_threaded.h>
#include <sys/stat.h>

void *mallocx(size_t size, int flags) __attribute__((weak));
void sdallocx(void *p, size_t size, int flags) __attribute__((weak));
void free_sized(void *p, size_t size) __attribute__((weak));
void free_aligned_sized(void *p, size_t alignment, size_t size) __attribute__((weak));
void cfree(void *p) __attribute__((weak));
int mallctl(const char *name, void *old, size_t *length, void *new, size_t size) __attribute__((weak));

int unw_backtrace(void **frames, int n) __attribute__((weak));

static void symbols(void)
{
	say("symbols: %d %d %d %d %d %d %d\n", !!mallocx, !!sdallocx, !!free_sized, !!free_aligned_sized, !!cfree,
	    !!mallctl, !!unw_backtrace);
}

static void slack(void)
{
	static char *blocks[3000];

	for (size_t i = 0; i < COUNT(blocks); i++) {
		blocks[i] = malloc(i * 3);
		memset(blocks[i], 0xee, malloc_usable_size(blocks[i]));
	}
	for (size_t i = 0; i < COUNT(blocks); i++) {
		blocks[i] = realloc(blocks[i], i * 5 + 1);
		memset(blocks[i], 0xdd, malloc_usable_size(blocks[i]));
	}
	for (size_t i = 0; i < COUNT(blocks); i++)
		free(blocks[i]);
}

static void errors(void)
{
	volatile size_t too_large = (size_t)PTRDIFF_MAX + 1;
	int changed = 0;
	void *p;

	for (size_t i = 0; i < 5000; i++) {
		errno = 42;
		p = malloc(i * 40);
		changed += errno != 42;
		p = realloc(p, i * 50 + 1);
		changed += errno != 42;
		malloc_usable_size(p);
		free(p);
		changed += errno != 42;
	}
	errno = 42;
	p = kept(malloc(too_large));
	say("errno changed %d times; too large: %s %d\n", changed, p ? "memory" : "null", errno);
	errno = 42;
	say("posix_memalign: %d %d\n", posix_memalign(&p, 3, 10), errno);
}

static void signals_and_settings(void)
{
	struct sigaction action;
	struct rlimit limit;
	sigset_t mask;
	char name[17] = "";
	int handlers = 0;

	for (int i = 1; i < 65; i++)
		if (!sigaction(i, NULL, &action))
			handlers += action.sa_handler != SIG_DFL ? i : 0;
	sigprocmask(0, NULL, &mask);
	for (int i = 1; i < 65; i++)
		handlers += sigismember(&mask, i) > 0 ? 1000 : 0;
	for (int i = 0; i < RLIM_NLIMITS; i++)
		if (!getrlimit((__rlimit_resource_t)i, &limit))
			say("%lx %lx ", (long)limit.rlim_cur, (long)limit.rlim_max);
	prctl(PR_GET_NAME, name, 0, 0, 0);
	say("\nhandlers %d, umask %o, name %s, dumpable %d, keep %d\n", handlers, umask(0), name,
	    prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), prctl(PR_GET_KEEPCAPS, 0, 0, 0, 0));
}

static void threads(void)
{
	DIR *folder = opendir("/proc/self/task");
	struct dirent *entry;
	int n = 0, several;

	while ((entry = readdir(folder)))
		n += entry->d_name[0] != '.';
	closedir(folder);
	/* What stdio and others look at in the thread's control block, and what shared_ptr does. */
	__asm__("movl %%fs:0x18, %0" : "=r"(several));
	say("threads %d, several %d, single %d\n", n, several, __libc_single_threaded);
}

int main(void)
{
	symbols();
	threads();
	slack();
	errors();
	signals_and_settings();
	threads();
	return 0;
}
