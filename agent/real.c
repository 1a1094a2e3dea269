/*
 * Resolution of the real functions, and the boot heap. See real.h.
 */
#include "agent/real.h"
#include "agent/sys.h"
#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#define BOOT_ALIGN 16
#define BOOT_FIRST (64 * 1024)
#define BOOT_CHUNK (256 * 1024)

static _Alignas(BOOT_ALIGN) unsigned char boot_first[BOOT_FIRST];
static unsigned char *boot_base = boot_first;
static size_t boot_size = BOOT_FIRST, boot_used;
static struct {
	uintptr_t start, end;
} boot_chunks[64] = {{(uintptr_t)0, 0}};
static unsigned n_boot_chunks;
static int boot_lock;	  /* a thread is resolving, or taking boot memory */
static int boot_resolver; /* tid that is inside dlsym */
static int boot_resolved;

static bool boot_owns(const void *p)
{
	uintptr_t a = (uintptr_t)p;

	for (unsigned i = 0; i < __atomic_load_n(&n_boot_chunks, __ATOMIC_ACQUIRE); i++)
		if (a >= boot_chunks[i].start && a < boot_chunks[i].end)
			return true;
	return false;
}

static void boot_spin_lock(int *lock)
{
	while (__atomic_exchange_n(lock, 1, __ATOMIC_ACQUIRE))
		cpu_relax();
}

/* A new chunk when the current one cannot hold `size`; false: no memory or no row left. */
static bool boot_grow(size_t size)
{
	size_t chunk = size > BOOT_CHUNK / 2 ? (size + 2 * BOOT_ALIGN + 4095) & ~(size_t)4095 : BOOT_CHUNK;
	void *p = n_boot_chunks ? sys_mmap(NULL, chunk, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1)
				: boot_first;

	if (n_boot_chunks && (sys_failed(p) || n_boot_chunks == sizeof(boot_chunks) / sizeof(boot_chunks[0])))
		return false;
	if (!n_boot_chunks)
		chunk = BOOT_FIRST;
	boot_chunks[n_boot_chunks].start = (uintptr_t)p;
	boot_chunks[n_boot_chunks].end = (uintptr_t)p + chunk;
	__atomic_store_n(&n_boot_chunks, n_boot_chunks + 1, __ATOMIC_SEQ_CST);
	boot_base = p;
	boot_size = chunk;
	boot_used = 0;
	return boot_size >= size + 2 * BOOT_ALIGN || boot_grow(size);
}

static void boot_check_frees(void);

/* The size of a boot block stands in the 16 bytes before it. */
static void *boot_take(size_t alignment, size_t size)
{
	static int lock;
	uintptr_t p;

	if (alignment < BOOT_ALIGN)
		alignment = BOOT_ALIGN;
	if (size > PTRDIFF_MAX - 2 * alignment)
		return NULL;
	boot_spin_lock(&lock);
	p = ((uintptr_t)boot_base + boot_used + BOOT_ALIGN + alignment - 1) & ~(alignment - 1);
	if (!n_boot_chunks || p + size > (uintptr_t)boot_base + boot_size) {
		p = boot_grow(size + alignment) ? ((uintptr_t)boot_base + BOOT_ALIGN + alignment - 1) & ~(alignment - 1)
						: 0;
	}
	if (p) {
		boot_used = p + size - (uintptr_t)boot_base;
		((size_t *)p)[-1] = size;
	}
	__atomic_store_n(&lock, 0, __ATOMIC_RELEASE);
	boot_check_frees();
	return (void *)p;
}

static size_t boot_block_size(const void *p)
{
	return ((const size_t *)p)[-1];
}

/* These two serve the whole run once the boot heap has been used: its blocks may come back any time. */
static void (*next_free)(void *);
static void *(*next_realloc)(void *, size_t);
static size_t (*next_usable)(void *);

static void free_checked(void *p)
{
	if (!boot_owns(p))
		next_free(p);
}

static void *realloc_checked(void *p, size_t size)
{
	void *q;
	size_t old;

	if (!boot_owns(p))
		return next_realloc(p, size);
	if (!(q = real.malloc(size)))
		return NULL;
	old = boot_block_size(p);
	memcpy(q, p, old < size ? old : size);
	return q;
}

static size_t usable_checked(void *p)
{
	return boot_owns(p) ? boot_block_size(p) : next_usable(p);
}

/* Once both are true, a block of the boot heap may come back: the one who sees it last switches. */
static void boot_check_frees(void)
{
	if (!__atomic_load_n(&boot_resolved, __ATOMIC_SEQ_CST) || !__atomic_load_n(&n_boot_chunks, __ATOMIC_SEQ_CST))
		return;
	real.free = free_checked;
	real.realloc = realloc_checked;
	real.malloc_usable_size = usable_checked;
}

/* True: the table is ready. False: this call comes from inside dlsym, or another thread is in it. */
static bool boot_ready(void)
{
	real_resolve();
	return __atomic_load_n(&boot_resolved, __ATOMIC_ACQUIRE);
}

static void *boot_malloc(size_t size)
{
	return boot_ready() ? real.malloc(size) : boot_take(BOOT_ALIGN, size);
}

static void boot_free(void *p)
{
	if (boot_ready())
		real.free(p);
}

static void *boot_calloc(size_t n, size_t size)
{
	size_t total;

	if (boot_ready())
		return real.calloc(n, size);
	return __builtin_mul_overflow(n, size, &total) ? NULL : boot_take(BOOT_ALIGN, total);
}

static void *boot_realloc(void *p, size_t size)
{
	void *q;

	if (boot_ready())
		return real.realloc(p, size);
	if (!(q = boot_take(BOOT_ALIGN, size)) || !p || !boot_owns(p))
		return q;
	memcpy(q, p, boot_block_size(p) < size ? boot_block_size(p) : size);
	return q;
}

static int boot_posix_memalign(void **out, size_t alignment, size_t size)
{
	if (boot_ready())
		return real.posix_memalign(out, alignment, size);
	*out = boot_take(alignment, size);
	return *out ? 0 : ENOMEM;
}

static void *boot_aligned_alloc(size_t alignment, size_t size)
{
	return boot_ready() ? real.aligned_alloc(alignment, size) : boot_take(alignment, size);
}

static void *boot_memalign(size_t alignment, size_t size)
{
	return boot_ready() ? real.memalign(alignment, size) : boot_take(alignment, size);
}

static void *boot_valloc(size_t size)
{
	return boot_ready() ? real.valloc(size) : boot_take(4096, size);
}

static void *boot_pvalloc(size_t size)
{
	return boot_ready() ? real.pvalloc(size) : boot_take(4096, (size + 4095) & ~(size_t)4095);
}

static size_t boot_malloc_usable_size(void *p)
{
	if (boot_ready())
		return real.malloc_usable_size(p);
	return boot_owns(p) ? boot_block_size(p) : 0;
}

static void boot__exit(int status)
{
	for (;;)
		sys3(SYS_exit_group, status, 0, 0);
}

static void boot_quick_exit(int status)
{
	if (boot_ready() && real.quick_exit != boot_quick_exit)
		real.quick_exit(status);
	boot__exit(status);
}

static int boot_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
	long r = sys_call(SYS_prctl, option, (long)a, (long)b, (long)c, (long)d, 0);

	if (r < 0)
		errno = (int)-r;
	return r < 0 ? -1 : (int)r;
}

static long boot_syscall(long number, long a, long b, long c, long d, long e, long f)
{
	long r = sys_call(number, a, b, c, d, e, f);

	if ((unsigned long)r > -4096UL)
		errno = (int)-r;
	return (unsigned long)r > -4096UL ? -1 : r;
}
static int boot_capset(void *header, const void *data)
{
	long r = sys3(SYS_capset, header, data, 0);

	if (r < 0)
		errno = (int)-r;
	return r < 0 ? -1 : 0;
}

static int boot_mlockall(int flags)
{
	long r = sys3(SYS_mlockall, flags, 0, 0);

	if (r < 0)
		errno = (int)-r;
	return r < 0 ? -1 : 0;
}

static int boot_prlimit(int pid, int resource, const void *limit, void *old)
{
	long r = sys_call(SYS_prlimit64, pid, resource, (long)limit, (long)old, 0, 0);

	if (r < 0)
		errno = (int)-r;
	return r < 0 ? -1 : 0;
}

static int boot_setrlimit(int resource, const void *limit)
{
	return boot_prlimit(0, resource, limit, NULL);
}

static void boot_pthread_exit(void *value)
{
	if (boot_ready() && real.pthread_exit != boot_pthread_exit)
		real.pthread_exit(value);
	for (;;)
		sys3(SYS_exit, 0, 0, 0);
}
#define boot__Exit boot__exit
#define boot_prlimit64 boot_prlimit
#define boot_setrlimit64 boot_setrlimit

#define REAL_BOOT(type, name, parameters) .name = boot_##name,
struct real real = {ALLOCATOR_FUNCTIONS(REAL_BOOT) PROCESS_FUNCTIONS(REAL_BOOT)};
#undef REAL_BOOT

/* All allocator functions are taken only when all are there; a half set would mix two heaps. */
static void real_fill(void)
{
	struct real next = real;
	void *p;
	bool whole = true;

#define REAL_LOOKUP(type, name, parameters)                                                                            \
	if ((p = dlsym(RTLD_NEXT, #name)))                                                                             \
		memcpy(&next.name, &p, sizeof(p));
#define REAL_CHECK(type, name, parameters) whole &= next.name != boot_##name;
	ALLOCATOR_FUNCTIONS(REAL_LOOKUP)
	PROCESS_FUNCTIONS(REAL_LOOKUP)
	ALLOCATOR_FUNCTIONS(REAL_CHECK)
	if (!whole)
		return;
	next_free = next.free;
	next_realloc = next.realloc;
	next_usable = next.malloc_usable_size;
	real = next;
	__atomic_store_n(&boot_resolved, 1, __ATOMIC_SEQ_CST);
	boot_check_frees();
}

void real_resolve(void)
{
	int saved = errno, self;

	if (__atomic_load_n(&boot_resolved, __ATOMIC_ACQUIRE))
		return;
	self = (int)sys3(SYS_gettid, 0, 0, 0);
	if (__atomic_load_n(&boot_resolver, __ATOMIC_RELAXED) == self)
		return;
	if (__atomic_exchange_n(&boot_lock, 1, __ATOMIC_ACQUIRE))
		return; /* another thread is at it: this call is served from the boot heap */
	if (!boot_resolved) {
		__atomic_store_n(&boot_resolver, self, __ATOMIC_RELAXED);
		real_fill();
		__atomic_store_n(&boot_resolver, 0, __ATOMIC_RELAXED);
	}
	__atomic_store_n(&boot_lock, 0, __ATOMIC_RELEASE);
	errno = saved;
}
