/*
 * The store: the region, mapped, grown and copied. See store.h.
 */
#include "agent/store.h"
#include "agent/clock.h"
#include "agent/process.h"
#include "agent/sys.h"
#include <string.h>
#include <sys/resource.h>

#define STEP (256 * 1024u) /* address space opened at a time */
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

struct region_header *store;
static uint64_t opened; /* bytes of the mapping that can be written */

uint64_t store_stream(void)
{
	uint64_t name = 0;

	if (sys3(SYS_getrandom, &name, sizeof(name), 1 /* GRND_NONBLOCK */) != sizeof(name))
		name = clock_ns(CLOCK_MONOTONIC) ^ ((uint64_t)sys3(SYS_getpid, 0, 0, 0) << 48);
	return name | 1;
}

/* A sealed file of this size, or -1. Sealed, so that no reader ever meets SIGBUS. */
static int memfd_make(uint64_t size)
{
	struct rlimit limit;
	int fd;

	/* A file larger than this limit would be the host's death by SIGXFSZ. */
	if (process_sandbox || sys_call(SYS_prlimit64, 0, RLIMIT_FSIZE, 0, (long)&limit, 0, 0) < 0 ||
	    limit.rlim_cur < size)
		return -1;
	fd = (int)sys3(SYS_memfd_create, "libguard", 3 /* MFD_CLOEXEC | MFD_ALLOW_SEALING */, 0);

	if (fd < 0)
		return -1;
	if (sys3(SYS_ftruncate, fd, size, 0) < 0 || sys3(SYS_fcntl, fd, F_ADD_SEALS, SEALS) < 0) {
		sys3(SYS_close, fd, 0, 0);
		return -1;
	}
	return fd;
}

/*
 * Maps `size` bytes without access, at `at` when given; private memory when there is no file. Of a file a core dump
 * would hold all, and make it: each page of it, used or not.
 */
static void *map_reserve(void *at, uint64_t size, int fd)
{
	int flags = (fd >= 0 ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE) | (at ? MAP_FIXED : 0);
	void *region = sys_mmap(at, size, PROT_NONE, flags, fd);

	if (fd >= 0 && !sys_failed(region))
		sys3(SYS_madvise, region, size, MADV_DONTDUMP);
	return region;
}

static bool open_to(uint64_t end)
{
	uint64_t from = __atomic_load_n(&opened, __ATOMIC_ACQUIRE), to;

	while (from < end) {
		to = (end + STEP - 1) / STEP * STEP;
		if (to > store->size || process_sandbox ||
		    sys3(SYS_mprotect, (char *)store + from, to - from, PROT_READ | PROT_WRITE) < 0)
			return false;
		/* Two threads may open the same range: that changes nothing twice. */
		if (__atomic_compare_exchange_n(&opened, &from, to, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
			break;
	}
	return true;
}

bool store_open(uint64_t reserve, int *fd)
{
	uint64_t size = (reserve + STEP - 1) / STEP * STEP;
	uint64_t first = (REGION_HEADER_SIZE + STEP - 1) / STEP * STEP;
	struct region_header *region;

	*fd = memfd_make(size);
	region = map_reserve(NULL, size, *fd);
	if (sys_failed(region)) {
		if (*fd >= 0)
			sys3(SYS_close, *fd, 0, 0);
		*fd = -1;
		return false;
	}
	if (sys3(SYS_mprotect, region, first, PROT_READ | PROT_WRITE) < 0) {
		sys3(SYS_munmap, region, size, 0);
		if (*fd >= 0)
			sys3(SYS_close, *fd, 0, 0);
		*fd = -1;
		return false;
	}
	opened = first;
	region->magic = REGION_MAGIC;
	region->version = REGION_VERSION;
	region->header_size = (uint32_t)REGION_HEADER_SIZE;
	region->size = size;
	region->used = REGION_HEADER_SIZE;
	region->stream = store_stream();
	region->agent.lost = *fd < 0 ? LOST_REGION_SHARED : 0;
	store = region;
	return true;
}

void store_close(int fd)
{
	sys3(SYS_munmap, store, store->size, 0);
	store = NULL;
	if (fd >= 0)
		sys3(SYS_close, fd, 0, 0);
}

static bool write_all(int fd, const char *data, uint64_t length)
{
	uint64_t done = 0;

	while (done < length) {
		long n = sys_call(SYS_pwrite64, fd, (long)(data + done), (long)(length - done), (long)done, 0, 0);

		if (n <= 0)
			return false;
		done += (uint64_t)n;
	}
	return true;
}

bool store_copy(int *fd)
{
	uint64_t used = __atomic_load_n(&store->used, __ATOMIC_ACQUIRE), size = store->size;
	uint64_t open;
	char *copy = NULL;

	/* The parent may have grown since the fork: its records are taken whole or not at all. */
	if (used > size)
		used = size;
	if (used > opened && !open_to(used))
		return false;
	open = opened;
	*fd = memfd_make(size);
	if (*fd >= 0 && write_all(*fd, (const char *)store, used)) {
		if (sys_failed(map_reserve(store, size, *fd)))
			return false;
	} else {
		/* Private memory: aside first, since the same address is being replaced. */
		if (*fd >= 0)
			sys3(SYS_close, *fd, 0, 0);
		*fd = -1;
		copy = sys_mmap(NULL, used, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
		if (sys_failed(copy))
			return false;
		memcpy(copy, store, used);
		if (sys_failed(map_reserve(store, size, -1)))
			return false;
	}
	if (sys3(SYS_mprotect, store, open, PROT_READ | PROT_WRITE) < 0)
		return false;
	if (copy) {
		memcpy(store, copy, used);
		sys3(SYS_munmap, copy, used, 0);
	}
	store->used = used;
	store->stream = store_stream();
	store->agent.lost &= ~(uint32_t)LOST_REGION_SHARED;
	if (*fd < 0)
		process_lost(LOST_REGION_SHARED);
	return true;
}

void *store_record(uint32_t length)
{
	uint64_t need = REGION_ROUND(length), at;
	struct region_record *record;

	at = __atomic_fetch_add(&store->used, need, __ATOMIC_RELAXED);
	if (at + need > store->size ||
	    (at + need > __atomic_load_n(&opened, __ATOMIC_ACQUIRE) && !open_to(at + need))) {
		/* `used` stays beyond the end: taking it back could hand out another's record twice. */
		process_dropped(LOST_REGION_FULL);
		return NULL;
	}
	record = (struct region_record *)((char *)store + at);
	/* Before the body, as readers expect (protocol/region.c). */
	__atomic_store_n(&record->length, (uint32_t)need, __ATOMIC_RELEASE);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	return record;
}

struct region_view store_view(void)
{
	return (struct region_view){(const unsigned char *)store, __atomic_load_n(&opened, __ATOMIC_ACQUIRE)};
}

void store_open_ahead(uint64_t bytes)
{
	uint64_t end = __atomic_load_n(&store->used, __ATOMIC_RELAXED) + bytes;

	open_to(end < store->size ? end : store->size);
}

void store_trim(uint64_t least)
{
	uint64_t end = __atomic_load_n(&opened, __ATOMIC_ACQUIRE), size = store->size;

	least = (least + STEP - 1) / STEP * STEP;
	if (end < least)
		end = least;
	if (end >= size)
		return;
	store->size = end;
	sys3(SYS_munmap, (char *)store + end, size - end, 0);
}
