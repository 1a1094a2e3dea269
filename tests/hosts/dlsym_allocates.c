/*
 * A dlsym that allocates 100 KB for each call, in blocks large and small, and frees, grows and keeps them (hazards 19,
 * 20, 50): what the agent's own look-ups cost there comes from its boot heap, and comes back any time later.
 */
#include <dlfcn.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define KEPT 4096

static void *kept[KEPT];
static unsigned n;

static void keep(void *p, size_t size)
{
	if (!p || (uintptr_t)p % 16 || malloc_usable_size(p) < size)
		abort();
	memset(p, 0x5a, size);
	if (n < KEPT)
		kept[n++] = p;
	else
		free(p);
}

void *dlsym(void *handle, const char *name)
{
	static void *(*next)(void *, const char *);
	char *grown = malloc(10);

	memset(grown, 0x77, 10);
	for (size_t size = 1; size < 50000; size *= 2) {
		keep(malloc(size), size);
		keep(calloc(2, size), 2 * size);
		grown = realloc(grown, size + 10);
		for (int i = 0; i < 10; i++)
			if (grown[i] != 0x77)
				abort();
	}
	keep(grown, 10);
	free(malloc(3000));
	if (!next)
		*(void **)&next = dlvsym(RTLD_NEXT, "dlsym", "GLIBC_2.34");
	return next ? next(handle, name) : NULL;
}

__attribute__((destructor)) static void give_back(void)
{
	for (unsigned i = 0; i < n; i++) {
		char *p = i % 3 ? kept[i] : realloc(kept[i], 70);

		if (!p || *p != 0x5a)
			abort();
		free(p);
	}
	n = 0;
}
