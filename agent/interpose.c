/*
 * The exports. No logic: each passes the call on and has it accounted.
 *
 * Compiled with frame pointers, so that a hook knows its caller's registers: sp behind the call,
 * the return address, and rbp. Prototypes come from functions.h alone.
 */
#include "agent/account.h"
#include "agent/fork.h"
#include "agent/functions.h"
#include "agent/lifecycle.h"
#include "agent/privileges.h"
#include "agent/real.h"

#define PROTOTYPE(type, name, parameters) guard_export type name parameters;
ALLOCATOR_FUNCTIONS(PROTOTYPE)
PROCESS_FUNCTIONS(PROTOTYPE)
OWN_FUNCTIONS(PROTOTYPE)

/* The caller's stack pointer behind the call; needs frame pointers. */
#define CALLER_SP ((uintptr_t)__builtin_frame_address(0) + STACK_BASE)

guard_cold static void *malloc_met(size_t size)
{
	void *p = real.malloc(size);

	return p ? account_alloc_slow(p, size, CALLER_SP, 0) : NULL;
}

/* Tail-called by malloc before it has saved anything: the return address is malloc's own. */
guard_frameless static void *malloc_between(size_t size)
{
	if (unlikely(!account_passes(size, (uintptr_t)__builtin_return_address(0))))
		return malloc_met(size);
	return real.malloc(size);
}

guard_export void *malloc(size_t size)
{
	size_t asked;
	void *p;

	if (account_may_pass(size))
		return malloc_between(size);
	asked = value_apart(size);
	p = real.malloc(size);
	return likely(p != NULL) ? account_alloc_met(p, asked, CALLER_SP, 0) : NULL;
}

guard_export void free(void *p)
{
	const uint64_t *slot;

	if (likely(p != NULL) && unlikely(!account_free(p, &slot))) {
		account_free_other(p, CALLER_SP, slot);
		return;
	}
	real.free(p);
}

guard_export void *calloc(size_t n, size_t size)
{
	void *p = real.calloc(n, size);

	return likely(p != NULL) ? account_alloc(p, n * size, CALLER_SP, 0) : NULL;
}

guard_export void *realloc(void *p, size_t size)
{
	struct taken taken = {0, 0};
	void *q;

	if (p)
		taken = account_take(p, CALLER_SP);
	q = real.realloc(p, size);
	if (unlikely(!q && size)) {
		account_put_back(taken, (uintptr_t)p);
		return NULL;
	}
	if (taken.word)
		account_taken(taken, p, CALLER_SP);
	return likely(q != NULL) ? account_alloc(q, size, CALLER_SP, taken.word) : NULL;
}

guard_export int posix_memalign(void **out, size_t alignment, size_t size)
{
	int r = real.posix_memalign(out, alignment, size);

	if (!r && *out)
		account_alloc(*out, size, CALLER_SP, 0);
	return r;
}

guard_export void *aligned_alloc(size_t alignment, size_t size)
{
	void *p = real.aligned_alloc(alignment, size);

	return likely(p != NULL) ? account_alloc(p, size, CALLER_SP, 0) : NULL;
}

guard_export void *memalign(size_t alignment, size_t size)
{
	void *p = real.memalign(alignment, size);

	return likely(p != NULL) ? account_alloc(p, size, CALLER_SP, 0) : NULL;
}

guard_export void *valloc(size_t size)
{
	void *p = real.valloc(size);

	return likely(p != NULL) ? account_alloc(p, size, CALLER_SP, 0) : NULL;
}

guard_export void *pvalloc(size_t size)
{
	void *p = real.pvalloc(size);

	return likely(p != NULL) ? account_alloc(p, size, CALLER_SP, 0) : NULL;
}

guard_export size_t malloc_usable_size(void *p)
{
	return real.malloc_usable_size(p);
}

guard_export void _exit(int status)
{
	lifecycle_exiting(status);
	for (;;)
		real._exit(status);
}

guard_export void _Exit(int status)
{
	lifecycle_exiting(status);
	for (;;)
		real._Exit(status);
}

guard_export void quick_exit(int status)
{
	lifecycle_exiting(status);
	for (;;)
		real.quick_exit(status);
}

guard_export int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
	enum sandbox before = lifecycle_prctl(option, a);
	int r;

	privileges_prctl(option);
	r = real.prctl(option, a, b, c, d);
	if (unlikely(r < 0))
		lifecycle_sandbox_failed(before);
	return r;
}

guard_export long syscall(long number, long a, long b, long c, long d, long e, long f)
{
	enum sandbox before = lifecycle_syscall(number, a, b);
	bool forks = fork_is(number, a);
	long r;

	privileges_syscall(number, a);
	if (unlikely(forks))
		fork_prepare();
	r = real.syscall(number, a, b, c, d, e, f);
	if (unlikely(r < 0))
		lifecycle_sandbox_failed(before);
	if (unlikely(forks) && r)
		fork_parent();
	return r;
}

guard_export int capset(void *header, const void *data)
{
	privileges_capset();
	return real.capset(header, data);
}

guard_export int mlockall(int flags)
{
	lifecycle_mlockall(flags);
	return real.mlockall(flags);
}

guard_export int prlimit(int pid, int resource, const void *limit, void *old)
{
	int r;

	lifecycle_limit_before(pid, resource, limit);
	r = real.prlimit(pid, resource, limit, old);
	if (!r)
		lifecycle_limited(pid, resource, limit);
	return r;
}

guard_export int prlimit64(int pid, int resource, const void *limit, void *old)
{
	return prlimit(pid, resource, limit, old);
}

guard_export int setrlimit(int resource, const void *limit)
{
	int r;

	lifecycle_limit_before(0, resource, limit);
	r = real.setrlimit(resource, limit);
	if (!r)
		lifecycle_limited(0, resource, limit);
	return r;
}

guard_export int setrlimit64(int resource, const void *limit)
{
	return setrlimit(resource, limit);
}

guard_export void pthread_exit(void *value)
{
	lifecycle_main_thread_exits();
	for (;;)
		real.pthread_exit(value);
}

guard_export void guard_mark(const char *name)
{
	lifecycle_mark(name);
}
