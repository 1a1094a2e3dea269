/*
 * Giving back. See giveback.h.
 */
#include "agent/giveback.h"
#include "agent/blockmap.h"
#include "agent/pages.h"
#include "agent/proc.h"
#include "agent/process.h"
#include "agent/sys.h"

#define PAGE_WORDS (PAGE_SIZE / sizeof(uint64_t))
#define RUN_MOST 64u /* pages a call: what the host maps meanwhile waits for its end */
#define SHARE 500u   /* of the time */

static uint64_t again_ns; /* not before this time */

static bool is_empty(const uint64_t *words)
{
	for (unsigned i = 0; i < PAGE_WORDS; i++)
		if (__atomic_load_n(&words[i], __ATOMIC_RELAXED))
			return false;
	return true;
}

/* A word that came before the page was declared of no use is written again: then the kernel keeps the page. */
static void keep_words(uint64_t *words)
{
	for (unsigned i = 0; i < PAGE_WORDS; i++)
		if (__atomic_load_n(&words[i], __ATOMIC_RELAXED)) {
			__asm__ volatile("lock orq $0, %0" : "+m"(words[i]) : : "cc");
			return;
		}
}

static void give(uint64_t *words, size_t n_pages)
{
	if (process_sandbox || sys3(SYS_madvise, words, n_pages * PAGE_SIZE, MADV_FREE) < 0)
		return;
	for (size_t i = 0; i < n_pages; i++)
		keep_words(words + i * PAGE_WORDS);
	sys3(SYS_madvise, words, n_pages * PAGE_SIZE, MADV_PAGEOUT);
}

/* `words` begins on a page. False: none was empty. */
static bool give_empty(int pagemap, uint64_t *words, size_t n_pages)
{
	unsigned char pages[BLOCKMAP_PAGES_MOST];
	size_t run = 0;
	bool some = false;

	pages_look(pagemap, words, n_pages * PAGE_SIZE, pages);
	for (size_t i = 0; i < n_pages; i++) {
		bool empty = pages[i] & PAGE_OWN && is_empty(words + i * PAGE_WORDS);

		run += empty;
		some |= empty;
		if (run && (!empty || run == RUN_MOST || i + 1 == n_pages)) {
			give(words + (i + empty - run) * PAGE_WORDS, run);
			run = 0;
		}
	}
	return some;
}

void giveback_run(const int *stop)
{
	int pagemap = pages_open();

	for (struct span *s = blockmap_spans(); s && !__atomic_load_n(stop, __ATOMIC_RELAXED); s = s->next_of_all) {
		uint64_t *tiny = span_tiny(s);

		/* The first page has what the span is found by. */
		give_empty(pagemap, (uint64_t *)s + PAGE_WORDS, SPAN_PAGES - 1);
		/* Or the kernel would make one huge page of it again, all of it real. */
		if (give_empty(pagemap, s->small, SMALL_PAGES) && !process_sandbox)
			sys3(SYS_madvise, s->small, SMALL_BYTES, MADV_NOHUGEPAGE);
		if (tiny)
			give_empty(pagemap, tiny, TINY_PAGES);
	}
	pages_close(pagemap);
}

void giveback_regularly(const int *stop)
{
	uint64_t begun = proc_thread_cpu();

	if (process_sandbox || proc_monotonic() < again_ns)
		return;
	giveback_run(stop);
	again_ns = proc_monotonic() + SHARE * (proc_thread_cpu() - begun);
}
