/*
 * Pages. See pages.h.
 */
#include "agent/pages.h"
#include "agent/sys.h"
#include <string.h>

#define ENTRIES 256u
#define ENTRY_THERE (UINT64_C(1) << 63)
#define ENTRY_OWN (UINT64_C(1) << 56)

int pages_open(void)
{
	return (int)sys3(SYS_openat, AT_FDCWD, "/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
}

void pages_close(int fd)
{
	if (fd >= 0)
		sys3(SYS_close, fd, 0, 0);
}

static bool look_in_pagemap(int fd, uintptr_t first, size_t n, unsigned char *pages)
{
	uint64_t entries[ENTRIES];

	for (size_t done = 0, some; done < n; done += some) {
		some = n - done < ENTRIES ? n - done : ENTRIES;
		if (sys_call(SYS_pread64, fd, (long)entries, (long)(some * sizeof(*entries)),
			     (long)((first + done) * sizeof(*entries)), 0, 0) != (long)(some * sizeof(*entries)))
			return false;
		for (size_t i = 0; i < some; i++)
			pages[done + i] = (unsigned char)((entries[i] & ENTRY_THERE ? PAGE_THERE : 0) |
							  (entries[i] & ENTRY_OWN ? PAGE_OWN : 0));
	}
	return true;
}

void pages_look(int fd, const void *mapping, size_t size, unsigned char *pages)
{
	size_t n = (size + PAGE_SIZE - 1) / PAGE_SIZE;
	bool known;

	if (fd >= 0 && look_in_pagemap(fd, (uintptr_t)mapping / PAGE_SIZE, n, pages))
		return;
	known = sys3(SYS_mincore, mapping, size, pages) == 0;
	for (size_t i = 0; i < n; i++)
		pages[i] = !known || pages[i] & 1 ? PAGE_THERE | PAGE_OWN : 0;
}
