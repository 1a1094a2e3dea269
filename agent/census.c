/*
 * The census. See census.h.
 */
#include "agent/census.h"
#include "agent/sys.h"

#define MANY 255u

struct census *census;

void census_begin(void)
{
	struct census *fresh =
		sys_mmap(NULL, sizeof(*fresh), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);

	if (sys_failed(fresh))
		return;
	sys3(SYS_madvise, fresh, sizeof(*fresh), MADV_NOHUGEPAGE);
	sys3(SYS_madvise, fresh, sizeof(*fresh), MADV_DONTDUMP);
	census = fresh;
	blockmap_now.heads = fresh->nothing;
	process_page.census = fresh->words;
}

void census_end(void)
{
	if (!census || blockmap_now.heads == span_heads)
		return;
	__atomic_store_n(&process_page.census, NULL, __ATOMIC_RELEASE);
	__atomic_store_n(&blockmap_now.heads, span_heads, __ATOMIC_RELEASE);
	/* Changes nothing, but it waits for a fork that is copying our memory now, page by page. */
	if (!process_sandbox)
		sys3(SYS_madvise, census, sizeof(*census), MADV_DONTDUMP);
}

void census_postfork_child(void)
{
	if (census && blockmap_now.heads == census->nothing)
		__atomic_store_n(&process_page.census, census->words, __ATOMIC_RELEASE);
}

static void change(uintptr_t block, int by)
{
	uint8_t *words, was;

	if (!census)
		return;
	words = &census->words[block >> CENSUS_SHIFT & (CENSUS_BYTES - 1)];
	was = __atomic_load_n(words, __ATOMIC_RELAXED);
	while (was != MANY && !__atomic_compare_exchange_n(words, &was, (uint8_t)(was + by), false, __ATOMIC_RELAXED,
							   __ATOMIC_RELAXED))
		;
}

void census_word_comes(uintptr_t block)
{
	change(block, 1);
}

void census_word_went(uintptr_t block)
{
	change(block, -1);
}
