/*
 * The block map's slow side: making spans, tiny and huge blocks. See blockmap.h.
 */
#include "agent/blockmap.h"
#include "agent/memory.h"
#include "agent/process.h"
#include "agent/store.h"
#include "agent/sys.h"

#define HUGE_SLOTS 1024u
#define RESIDENT_SPANS 64u
#define DENSE_WORDS 2048u /* 64 KB of blocks */
#define DENSE_FEW 8u	  /* spans of a heap that is too small for huge pages */
#define ARENA_SPANS (HUGE_PAGE / SMALL_BYTES)
#define SPARES 8u

struct span *span_heads[SPAN_HEADS] __attribute__((aligned(4096)));
struct blockmap_now blockmap_now __attribute__((aligned(64))) = {.heads = span_heads};
static struct span *spans;  /* all of them, atomic */
static bool shared_by_fork; /* there was a fork: a page that is not ours alone may still be one of words */

static struct {
	uintptr_t address; /* atomic; 0: free, 1: was used */
	uint64_t size;
} huge[HUGE_SLOTS];

static uint64_t mapped;	 /* address space of the spans, real or not */
static uint64_t n_dense; /* atomic: spans that a heap of small blocks has grown into */
static uintptr_t arena; /* atomic: the huge page for small words that is in use, and how many spans have theirs in it */
static uint64_t *spare[SPARES]; /* atomic: small words in huge pages that were not used after all */

/* Sparse memory: no huge pages, or a few words would cost megabytes; and no part of the host's core dumps. */
static void *sparse_map(size_t size)
{
	void *p = memory_map(size);

	if (p) {
		if (!process_sandbox) {
			sys3(SYS_madvise, p, size, MADV_NOHUGEPAGE);
			sys3(SYS_madvise, p, size, MADV_DONTDUMP);
		}
		__atomic_fetch_add(&mapped, size, __ATOMIC_RELAXED);
	}
	return p;
}

static void sparse_unmap(void *p, size_t size)
{
	memory_unmap(p, size);
	__atomic_fetch_sub(&mapped, size, __ATOMIC_RELAXED);
}

uint64_t blockmap_mapped(void)
{
	return __atomic_load_n(&mapped, __ATOMIC_RELAXED);
}

bool blockmap_init(bool tiny)
{
	blockmap_now.tiny_below = tiny ? TINY_BELOW : 0;
	return sys3(SYS_madvise, span_heads, sizeof(span_heads), MADV_WIPEONFORK) == 0;
}

void blockmap_postfork_child(void)
{
	shared_by_fork = true;
	for (struct span *s = spans; s; s = s->next_of_all) {
		s->next = span_heads[s->number % SPAN_HEADS];
		span_heads[s->number % SPAN_HEADS] = s;
	}
}

struct span *blockmap_spans(void)
{
	return __atomic_load_n(&spans, __ATOMIC_ACQUIRE);
}

static void enter_of_all(struct span *span)
{
	span->next_of_all = __atomic_load_n(&spans, __ATOMIC_ACQUIRE);
	while (!__atomic_compare_exchange_n(&spans, &span->next_of_all, span, false, __ATOMIC_ACQ_REL,
					    __ATOMIC_ACQUIRE))
		;
}

/* Do small blocks fill the last pages of words of this span, or the first ones? */
static bool is_dense(const struct span *s, bool last)
{
	const uint64_t *words = s->small + (last ? (SPAN_SIZE >> SMALL_SHIFT) - DENSE_WORDS : 0);
	unsigned used = 0;

	for (unsigned i = 0; i < DENSE_WORDS; i += BLOCKMAP_LINE)
		used += blockmap_used(words + i) != 0;
	return used > DENSE_WORDS / BLOCKMAP_LINE / 2;
}

/* Small words in a huge page, which four spans share; NULL: there is none to be had. */
static uint64_t *arena_take(void)
{
	uintptr_t now = __atomic_load_n(&arena, __ATOMIC_RELAXED);
	uint64_t *small;
	void *fresh;

	for (unsigned i = 0; i < SPARES; i++)
		if (__atomic_load_n(&spare[i], __ATOMIC_RELAXED) &&
		    (small = __atomic_exchange_n(&spare[i], NULL, __ATOMIC_ACQUIRE)))
			return small;
	for (;;) {
		if (now && now % HUGE_PAGE < ARENA_SPANS) {
			if (__atomic_compare_exchange_n(&arena, &now, now + 1, false, __ATOMIC_ACQ_REL,
							__ATOMIC_RELAXED))
				return (uint64_t *)(now - now % HUGE_PAGE + now % HUGE_PAGE * SMALL_BYTES);
			continue;
		}
		fresh = memory_map_huge(HUGE_PAGE, HUGE_PAGE);
		if (!fresh)
			return NULL;
		if (__atomic_compare_exchange_n(&arena, &now, (uintptr_t)fresh, false, __ATOMIC_ACQ_REL,
						__ATOMIC_RELAXED)) {
			sys3(SYS_madvise, fresh, HUGE_PAGE, MADV_DONTDUMP);
			__atomic_fetch_add(&mapped, HUGE_PAGE, __ATOMIC_RELAXED);
			now = (uintptr_t)fresh;
		} else {
			memory_unmap(fresh, HUGE_PAGE);
		}
	}
}

/* Another thread was first. Where there are many spares already, these are nobody's. */
static void arena_put_back(uint64_t *small)
{
	uint64_t *none = NULL;

	for (unsigned i = 0; i < SPARES; i++, none = NULL)
		if (__atomic_compare_exchange_n(&spare[i], &none, small, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
			return;
}

/* Is a heap of small blocks growing into this span? */
static bool is_grown_into(uintptr_t number)
{
	const struct span *below = span_find((number - 1) << SPAN_SHIFT),
			  *above = span_find((number + 1) << SPAN_SHIFT);

	return (below && is_dense(below, true)) || (above && is_dense(above, false));
}

/* Has it be found. What stands: another thread's span of the same number may have come first. */
static struct span *span_enter(struct span *fresh)
{
	struct span **head = &span_heads[fresh->number % SPAN_HEADS], *first = __atomic_load_n(head, __ATOMIC_ACQUIRE);

	do {
		for (struct span *s = first; s; s = s->next)
			if (s->number == fresh->number)
				return s;
		fresh->next = first;
	} while (!__atomic_compare_exchange_n(head, &first, fresh, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
	enter_of_all(fresh);
	return fresh;
}

/*
 * A heap of small blocks that grows into another span will fill that one too: all its pages of words at once cost a
 * third of what they do one page fault at a time, and in a huge page next to nothing. What then stays empty is given
 * back (giveback.h). Of a heap's last huge page three quarters may be real for nothing, so it is for large heaps.
 * With a census (census.h) words are too rare for all of that.
 */
static struct span *span_make(uintptr_t number)
{
	bool dense = !process_sandbox && blockmap_now.heads == span_heads && is_grown_into(number);
	bool many = dense && __atomic_fetch_add(&n_dense, 1, __ATOMIC_RELAXED) >= DENSE_FEW;
	uint64_t *small = many ? arena_take() : NULL;
	uint64_t size = SPAN_BYTES + (small ? 0 : SMALL_BYTES);
	struct span *fresh = sparse_map(size), *stands = NULL;

	if (fresh) {
		fresh->number = number;
		fresh->small = small ? small : (uint64_t *)((char *)fresh + SPAN_BYTES);
		stands = span_enter(fresh);
		if (stands == fresh) {
			if (dense)
				sys3(SYS_madvise, fresh->small, SMALL_BYTES, MADV_POPULATE_WRITE);
			return fresh;
		}
		sparse_unmap(fresh, size);
	}
	if (small)
		arena_put_back(small);
	return stands;
}

static uint64_t *tiny_make(struct span *span)
{
	uint64_t *tiny = NULL, *fresh = sparse_map(TINY_BYTES);

	if (!fresh)
		return NULL;
	if (__atomic_compare_exchange_n(&span->tiny, &tiny, fresh, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return fresh;
	sparse_unmap(fresh, TINY_BYTES);
	return tiny;
}

uint64_t *blockmap_slot_new(uintptr_t address, uint64_t size)
{
	struct span *span = span_find(address);

	if (!span && !(span = span_make(address >> SPAN_SHIFT))) {
		process_dropped(LOST_BLOCK_MAP);
		return NULL;
	}
	if (size < blockmap_now.tiny_below && !span_tiny(span) && !tiny_make(span)) {
		process_dropped(LOST_BLOCK_MAP);
		return NULL;
	}
	return blockmap_slot(address, size);
}

uint64_t blockmap_stale(uintptr_t address, const uint64_t *slot)
{
	uint64_t *old = blockmap_find(address), word;

	if (!old || old == slot)
		old = *slot ? (uint64_t *)slot : NULL;
	if (!old)
		return 0;
	word = *old;
	*old = 0;
	return word;
}

bool blockmap_huge_put(uintptr_t address, uint64_t size)
{
	uintptr_t expected;

	for (unsigned i = 0; i < HUGE_SLOTS; i++) {
		expected = __atomic_load_n(&huge[i].address, __ATOMIC_RELAXED);
		if (expected > 1)
			continue;
		if (__atomic_compare_exchange_n(&huge[i].address, &expected, address, false, __ATOMIC_ACQ_REL,
						__ATOMIC_RELAXED)) {
			huge[i].size = size;
			return true;
		}
	}
	process_dropped(LOST_HUGE_TABLE);
	return false;
}

static uint64_t huge_find(uintptr_t address, bool forget)
{
	uintptr_t here;
	uint64_t size;

	for (unsigned i = 0; i < HUGE_SLOTS; i++) {
		here = __atomic_load_n(&huge[i].address, __ATOMIC_ACQUIRE);
		if (!here)
			break;
		if (here != address)
			continue;
		size = huge[i].size;
		if (forget)
			__atomic_store_n(&huge[i].address, 1, __ATOMIC_RELEASE);
		return size;
	}
	return 0;
}

uint64_t blockmap_huge_take(uintptr_t address)
{
	return huge_find(address, true);
}

uint64_t blockmap_huge_size(uintptr_t address)
{
	return huge_find(address, false);
}

static uint64_t own_pages(int pagemap, const void *mapping, size_t n)
{
	unsigned char pages[BLOCKMAP_PAGES_MOST];
	uint64_t own = 0;

	pages_look(pagemap, mapping, n * PAGE_SIZE, pages);
	for (size_t i = 0; i < n; i++)
		own += (pages[i] & PAGE_OWN) != 0;
	return own;
}

uint64_t blockmap_resident(void)
{
	uint64_t n = 0, looked = 0, resident = 0, rest = 0;
	uintptr_t last = __atomic_load_n(&arena, __ATOMIC_RELAXED), taken = last % HUGE_PAGE * SMALL_BYTES;
	int pagemap = pages_open();

	for (struct span *s = blockmap_spans(); s; s = s->next_of_all) {
		uint64_t *tiny = span_tiny(s);

		n++;
		if (looked == RESIDENT_SPANS)
			continue;
		looked++;
		resident += own_pages(pagemap, s, SPAN_PAGES) + own_pages(pagemap, s->small, SMALL_PAGES) +
			    (tiny ? own_pages(pagemap, tiny, TINY_PAGES) : 0);
	}
	if (last)
		rest = own_pages(pagemap, (char *)(last - last % HUGE_PAGE) + taken, (HUGE_PAGE - taken) / PAGE_SIZE);
	pages_close(pagemap);
	return looked ? (resident * n / looked + rest) * PAGE_SIZE : 0;
}

void blockmap_prefork(void)
{
	shared_by_fork = true;
}

bool blockmap_shared_by_fork(void)
{
	return shared_by_fork;
}
