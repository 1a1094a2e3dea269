/*
 * The agent's own memory. See memory.h.
 */
#include "agent/memory.h"
#include "agent/process.h"
#include "agent/sys.h"
#include <string.h>

#define CHUNK (256 * 1024)
#define CHUNK_MAPPED (CHUNK + 8192)
#define LARGE (32 * 1024)
#define ROOM_FIRST 1024u

static uint64_t total;

static void *map(size_t size)
{
	return sys_mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
}

/* The chunk in use: its end and how much of it is left, changed together. Chunks are CHUNK-aligned
 * in size, so (base | used) fits one word: base is page-aligned and used counts 64-byte lines. */
static uint64_t chunk; /* atomic: base + lines used */
static uintptr_t chunk_base(uint64_t word)
{
	return (uintptr_t)(word & ~UINT64_C(0x1fff));
}

/* Set aside for a sandbox; `used` is atomic. */
static struct {
	char *base;
	uint64_t size, used;
} ahead;

void memory_ahead(size_t size)
{
	void *p;

	size &= ~(size_t)4095;
	if (ahead.base || !size || sys_failed(p = map(size)))
		return;
	sys3(SYS_madvise, p, size, MADV_NOHUGEPAGE);
	ahead.size = size;
	ahead.base = p;
}

static void *take_ahead(size_t size)
{
	uint64_t need = (size + 4095) & ~(uint64_t)4095, at = __atomic_load_n(&ahead.used, __ATOMIC_RELAXED);

	do {
		if (need > ahead.size - at)
			return NULL;
	} while (!__atomic_compare_exchange_n(&ahead.used, &at, at + need, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	return ahead.base + at;
}

void *memory_map(size_t size)
{
	void *p = process_sandbox ? take_ahead(size) : NULL;

	/* A host that has grown so far beyond what was set aside takes memory from the system itself. */
	if (!p && process_sandbox != SANDBOX_STRICT)
		p = map(size);
	if (!p || sys_failed(p))
		return NULL;
	order_acquire(p); /* behind the unmapping of what was there before */
	__atomic_fetch_add(&total, size, __ATOMIC_RELAXED);
	return p;
}

void *memory_map_huge(size_t size, size_t huge)
{
	size_t room;
	uintptr_t all, p;

	size = (size + 4095) & ~(size_t)4095;
	room = size + HUGE_PAGE - 4096;
	all = process_sandbox ? 0 : (uintptr_t)map(room);
	if (!all || sys_failed((void *)all))
		return NULL;
	p = (all + HUGE_PAGE - 1) & ~(uintptr_t)(HUGE_PAGE - 1);
	if (p > all)
		sys3(SYS_munmap, all, p - all, 0);
	if (p + size < all + room)
		sys3(SYS_munmap, p + size, all + room - p - size, 0);
	sys3(SYS_madvise, p, huge, MADV_HUGEPAGE);
	order_acquire((void *)p);
	__atomic_fetch_add(&total, size, __ATOMIC_RELAXED);
	return (void *)p;
}

void memory_unmap(void *p, size_t size)
{
	if (!p || process_sandbox)
		return;
	order_release(p);
	sys3(SYS_munmap, p, size, 0);
	__atomic_fetch_sub(&total, size, __ATOMIC_RELAXED);
}

bool memory_room(struct memory_array *array, uint32_t n, size_t size)
{
	uint32_t had = array->room, more = had ? had : ROOM_FIRST;
	void *old = array->base, *larger;

	if (n <= had)
		return true;
	while (more < n)
		more *= 2;
	larger = memory_map(more * size);
	if (!larger)
		return false;
	if (had)
		memcpy(larger, old, had * size);
	__atomic_store_n(&array->base, larger, __ATOMIC_RELEASE);
	__atomic_store_n(&array->room, more, __ATOMIC_RELEASE);
	memory_unmap(old, had * size);
	return true;
}

/* A chunk whose base is 8 KB aligned, so that 4096 lines of 64 bytes can be counted below it. */
static uint64_t chunk_new(char **mapped)
{
	*mapped = memory_map(CHUNK_MAPPED);
	return *mapped ? (uint64_t)(((uintptr_t)*mapped + 8191) & ~(uintptr_t)8191) : 0;
}

void *memory_take(size_t size)
{
	uint64_t lines = (size + 63) / 64, word, used;

	if (size > LARGE)
		return memory_map((size + 4095) & ~(size_t)4095);
	word = __atomic_load_n(&chunk, __ATOMIC_RELAXED);
	for (;;) {
		used = word & 0x1fff;
		if (!word || used + lines > CHUNK / 64) {
			char *mapped;
			uint64_t fresh = chunk_new(&mapped);

			if (!fresh)
				return NULL;
			/* Whoever loses gives nothing back: it takes from the winner's, its own stays unused. */
			if (__atomic_compare_exchange_n(&chunk, &word, fresh, false, __ATOMIC_ACQ_REL,
							__ATOMIC_RELAXED))
				word = fresh;
			else
				memory_unmap(mapped, CHUNK_MAPPED);
			continue;
		}
		if (__atomic_compare_exchange_n(&chunk, &word, word + lines, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			return (void *)(chunk_base(word) + used * 64);
	}
}

uint64_t memory_total(void)
{
	return __atomic_load_n(&total, __ATOMIC_RELAXED);
}
