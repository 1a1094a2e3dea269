/*
 * Walks over the block map. See blockwalk.h.
 */
#include "agent/blockwalk.h"
#include "agent/blockmap.h"
#include "agent/pages.h"
#include "agent/sys.h"
#include <string.h>
#include <sys/sysinfo.h>

#define LARGE_WORDS (SPAN_SIZE >> LARGE_SHIFT)
#define PAGE_WORDS (PAGE_SIZE / sizeof(uint64_t))
#define ROOM_LEAST TINY_BELOW /* no block that is not tiny fits into less */
#define AHEAD 8u	      /* blocks, taken to be as large as this one */
#define LINE_SPACE (BLOCKMAP_LINE << LARGE_SHIFT)
#define LOOK_BACK 64u /* words at the end of a span, for a block that reaches into the next one */

struct walk {
	blockwalk_visit *visit;
	void *context;
	/* The run so far: callsite and birth as in a word. */
	uint32_t key, n;
	uint64_t bytes;
	/* Of a walk over what is there: */
	bool resident;
	bool trusts_known; /* what was there is there still */
	int pagemap;
	unsigned char there; /* bit of pages.h that makes a page worth reading */
	unsigned char pages[BLOCKMAP_PAGES_MOST];
	bool wanted[SMALL_PAGES]; /* pages of `small` on which there may be a word */
};

static void tell(struct walk *w)
{
	if (w->n)
		w->visit(w->context, BLOCK_CALLSITE(w->key), (uint8_t)BLOCK_EPOCH(w->key), w->n, w->bytes);
	w->n = 0;
	w->bytes = 0;
}

static void meet(struct walk *w, uint64_t word, uint64_t size)
{
	if (unlikely((uint32_t)word != w->key))
		tell(w);
	w->key = (uint32_t)word;
	w->n++;
	w->bytes += size;
}

static bool is_known(const struct span *s, unsigned page)
{
	return s->known[page / 64] >> page % 64 & 1;
}

/* Of the span itself, then of its small words. */
static const void *page_at(const struct span *s, unsigned page)
{
	return page < SPAN_PAGES ? (const char *)s + page * PAGE_SIZE
				 : (const char *)s->small + (page - SPAN_PAGES) * PAGE_SIZE;
}

/* Finds out which of the pages first..end-1 are there, all of them the span's or all of its small words. */
static void look_at_pages(struct walk *w, struct span *s, unsigned first, unsigned end)
{
	while (first < end && w->trusts_known && is_known(s, first))
		w->pages[first++] = w->there;
	while (first < end && w->trusts_known && is_known(s, end - 1))
		w->pages[--end] = w->there;
	if (first == end)
		return;
	pages_look(w->pagemap, page_at(s, first), (end - first) * PAGE_SIZE, w->pages + first);
	for (; first < end; first++)
		if (w->pages[first] & w->there && !is_known(s, first))
			s->known[first / 64] |= UINT64_C(1) << first % 64;
}

static unsigned small_page(uint64_t offset)
{
	return (unsigned)((offset >> SMALL_SHIFT) * sizeof(uint64_t) / PAGE_SIZE);
}

/* No large block lies from one offset in the span to the other. */
static void leave_gap(struct walk *w, uint64_t from, uint64_t to)
{
	if (from + ROOM_LEAST <= to)
		memset(w->wanted + small_page(from), true, small_page(to - 1) - small_page(from) + 1);
}

/* Where the block of a large word begins in the span, and its size. */
static uint64_t large_block(const struct span *s, uint64_t at, uint64_t word, uint64_t *size)
{
	uint64_t begin = at << LARGE_SHIFT | (word & BLOCK_PLACE_MASK) >> 59 << 4;

	*size = BLOCK_SIZE(word);
	if (unlikely(*size == BLOCK_SIZE_ASIDE))
		*size = blockmap_huge_size((s->number << SPAN_SHIFT) + begin);
	return begin;
}

/* How far a block of the span before reaches into this one; 0 where that is not easily told. */
static uint64_t reach_of_last(const struct walk *w, const struct span *s)
{
	const struct span *before = span_find((s->number - 1) << SPAN_SHIFT);
	uint64_t size, begin, word;

	if (!w->trusts_known || !before || !is_known(before, SPAN_PAGES - 1) || !is_known(before, SPAN_PAGES - 2))
		return 0;
	for (uint64_t at = LARGE_WORDS; at-- > LARGE_WORDS - LOOK_BACK;)
		if ((word = __atomic_load_n(&before->large[at], __ATOMIC_RELAXED))) {
			begin = large_block(before, at, word, &size);
			return begin + size > SPAN_SIZE ? begin + size - SPAN_SIZE : 0;
		}
	return 0;
}

/* A word of `large`; *covered is how far the blocks before it reach, as an offset in the span. */
static void walk_large_word(struct walk *w, const struct span *s, uint64_t at, uint64_t *covered)
{
	uint64_t word = __atomic_load_n(&s->large[at], __ATOMIC_RELAXED), size, begin;

	if (!word)
		return;
	begin = large_block(s, at, word, &size);
	if (!w->resident) {
		meet(w, word, size);
		return;
	}
	if (unlikely(begin < *covered))
		return;
	meet(w, word, size);
	leave_gap(w, *covered, begin);
	*covered = begin + size;
	if (size > LINE_SPACE && at + AHEAD * (size >> LARGE_SHIFT) < LARGE_WORDS)
		__builtin_prefetch(&s->large[at + AHEAD * (size >> LARGE_SHIFT)]);
}

static void walk_large(struct walk *w, const struct span *s)
{
	uint64_t covered = w->resident ? reach_of_last(w, s) : 0;

	for (uint64_t line = 0; line < LARGE_WORDS; line += BLOCKMAP_LINE) {
		/* A branch, so that lines are read before it is known how large the blocks on the last one are. */
		if (unlikely(covered >> LARGE_SHIFT >= line + BLOCKMAP_LINE)) {
			line = (covered >> LARGE_SHIFT) & ~(uint64_t)(BLOCKMAP_LINE - 1);
			if (line >= LARGE_WORDS)
				break;
		}
		if (w->resident && !(w->pages[offsetof(struct span, large[line]) / PAGE_SIZE] & w->there))
			continue;
		for (unsigned used = blockmap_used(s->large + line); used; used &= used - 1)
			walk_large_word(w, s, line + (unsigned)__builtin_ctz(used), &covered);
	}
	if (covered < SPAN_SIZE)
		leave_gap(w, covered, SPAN_SIZE);
}

/* Whole lines. */
static void walk_words(struct walk *w, const uint64_t *words, const uint64_t *end)
{
	for (; words < end; words += BLOCKMAP_LINE)
		for (unsigned used = blockmap_used(words); used; used &= used - 1) {
			uint64_t word = __atomic_load_n(&words[__builtin_ctz(used)], __ATOMIC_RELAXED);

			if (likely(word != 0))
				meet(w, word, BLOCK_SIZE(word));
		}
}

/* The words on those pages that are there. */
static void walk_pages(struct walk *w, const unsigned char *pages, const uint64_t *words, size_t n_pages)
{
	for (size_t i = 0; i < n_pages; i++)
		if (!w->resident || pages[i] & w->there)
			walk_words(w, words + i * PAGE_WORDS, words + (i + 1) * PAGE_WORDS);
}

/* Of the pages with small words only those that are wanted are asked for, from the first to the last. */
static void look_at_small(struct walk *w, struct span *s)
{
	unsigned first = 0, end = SMALL_PAGES;
	unsigned char *pages = w->pages + SPAN_PAGES;

	memset(pages, 0, SMALL_PAGES);
	while (first < end && !w->wanted[first])
		first++;
	while (first < end && !w->wanted[end - 1])
		end--;
	look_at_pages(w, s, SPAN_PAGES + first, SPAN_PAGES + end);
	for (; first < end; first++)
		pages[first] = w->wanted[first] ? pages[first] : 0;
}

static void walk_span(struct walk *w, struct span *s)
{
	uint64_t *tiny = span_tiny(s);

	__builtin_prefetch(s->next_of_all);
	if (w->resident) {
		memset(w->wanted, 0, sizeof(w->wanted));
		look_at_pages(w, s, 0, SPAN_PAGES);
	}
	walk_large(w, s);
	if (w->resident)
		look_at_small(w, s);
	walk_pages(w, w->pages + SPAN_PAGES, s->small, SMALL_PAGES);
	if (!tiny)
		return;
	if (w->resident)
		pages_look(w->pagemap, tiny, TINY_BYTES, w->pages);
	walk_pages(w, w->pages, tiny, TINY_PAGES);
}

void blockwalk_all(blockwalk_visit *visit, void *context)
{
	struct walk w = {.visit = visit, .context = context};

	for (struct span *s = blockmap_spans(); s; s = s->next_of_all)
		walk_span(&w, s);
	tell(&w);
}

static bool nothing_swapped(void)
{
	struct sysinfo info;

	return sys3(SYS_sysinfo, &info, 0, 0) == 0 && info.freeswap == info.totalswap;
}

bool blockwalk_resident(blockwalk_visit *visit, void *context, const int *stop)
{
	struct walk w = {.visit = visit,
			 .context = context,
			 .resident = true,
			 .trusts_known = nothing_swapped(),
			 .pagemap = pages_open(),
			 .there = blockmap_shared_by_fork() ? PAGE_THERE : PAGE_OWN};
	struct span *s = blockmap_spans();

	for (; s && !__atomic_load_n(stop, __ATOMIC_RELAXED); s = s->next_of_all)
		walk_span(&w, s);
	tell(&w);
	pages_close(w.pagemap);
	return !s;
}
