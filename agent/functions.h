/*
 * The interposed functions, one row each: the table of real functions, its resolution, the
 * exports and the test of the exports all come from here.
 *
 * ALLOCATOR rows are the allocator that the next library must offer as a whole; PROCESS rows are
 * watched as they pass, to know how the process ends, that it enters a sandbox, forks by itself, locks or limits
 * its memory.
 */
#pragma once
#include <stddef.h>

/* X(return type, name, parameters) */
#define ALLOCATOR_FUNCTIONS(X)                                                                                         \
	X(void *, malloc, (size_t size))                                                                               \
	X(void, free, (void *p))                                                                                       \
	X(void *, calloc, (size_t n, size_t size))                                                                     \
	X(void *, realloc, (void *p, size_t size))                                                                     \
	X(int, posix_memalign, (void **out, size_t alignment, size_t size))                                            \
	X(void *, aligned_alloc, (size_t alignment, size_t size))                                                      \
	X(void *, memalign, (size_t alignment, size_t size))                                                           \
	X(void *, valloc, (size_t size))                                                                               \
	X(void *, pvalloc, (size_t size))                                                                              \
	X(size_t, malloc_usable_size, (void *p))

#define PROCESS_FUNCTIONS(X)                                                                                           \
	X(void, _exit, (int status))                                                                                   \
	X(void, _Exit, (int status))                                                                                   \
	X(void, quick_exit, (int status))                                                                              \
	X(int, prctl, (int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d))                \
	X(long, syscall, (long number, long a, long b, long c, long d, long e, long f))                                \
	X(int, capset, (void *header, const void *data))                                                               \
	X(int, mlockall, (int flags))                                                                                  \
	X(int, setrlimit, (int resource, const void *limit))                                                           \
	X(int, setrlimit64, (int resource, const void *limit))                                                         \
	X(int, prlimit, (int pid, int resource, const void *limit, void *old))                                         \
	X(int, prlimit64, (int pid, int resource, const void *limit, void *old))                                       \
	X(void, pthread_exit, (void *value))

#define OWN_FUNCTIONS(X) X(void, guard_mark, (const char *name))
