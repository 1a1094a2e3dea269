/*
 * A heap that handlers may use wherever they interrupt, for the hosts that do: memory is taken by one atomic
 * addition and used again when the ring comes round. What is taken first, or by calloc, is never used again: so the
 * thread library keeps what it holds for each stack.
 */
#include <errno.h>
#include <malloc.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FIRST ((size_t)4 << 20)
#define RING ((size_t)64 << 20)
#define HEAD 32

static char memory[FIRST + RING] __attribute__((aligned(4096)));
static char zeroed[FIRST] __attribute__((aligned(4096)));
static size_t taken, zeroed_taken;

static size_t *size_of(void *p)
{
	return (size_t *)((char *)p - 16);
}

static void *take(size_t alignment, size_t size)
{
	size_t need = (size + alignment + HEAD + 31) & ~(size_t)31, at;
	uintptr_t p;

	if (size > RING / 4)
		return NULL;
	do {
		at = __atomic_fetch_add(&taken, need, __ATOMIC_RELAXED);
		if (at >= FIRST)
			at = FIRST + (at - FIRST) % RING;
	} while (at + need > sizeof(memory));
	p = ((uintptr_t)memory + at + HEAD + alignment - 1) & ~(uintptr_t)(alignment - 1);
	*size_of((void *)p) = size;
	return (void *)p;
}

void *malloc(size_t size)
{
	return take(32, size);
}

void free(void *p)
{
	(void)p;
}

void *calloc(size_t n, size_t size)
{
	size_t need = (n * size + HEAD + 31) & ~(size_t)31;
	char *p = zeroed + __atomic_fetch_add(&zeroed_taken, need, __ATOMIC_RELAXED) + HEAD;

	if (p + need > zeroed + FIRST)
		return NULL;
	*size_of(p) = n * size;
	return p;
}

void *realloc(void *p, size_t size)
{
	void *q = take(32, size);

	return p && q ? memcpy(q, p, *size_of(p) < size ? *size_of(p) : size) : q;
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
	*out = take(alignment < 32 ? 32 : alignment, size);
	return *out ? 0 : ENOMEM;
}

void *aligned_alloc(size_t alignment, size_t size)
{
	return take(alignment < 32 ? 32 : alignment, size);
}

void *memalign(size_t alignment, size_t size)
{
	return take(alignment < 32 ? 32 : alignment, size);
}

void *valloc(size_t size)
{
	return take(4096, size);
}

void *pvalloc(size_t size)
{
	return take(4096, (size + 4095) & ~(size_t)4095);
}

size_t malloc_usable_size(void *p)
{
	return p ? *size_of(p) : 0;
}
