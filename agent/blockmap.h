/*
 * The block map -- from a block's address to its callsite and size, beside the heap.
 *
 * Address space is cut into spans of 2 MiB. A span has one 64-bit word per 32 bytes for blocks under
 * 512 bytes, and one per 512 bytes for larger ones; both arrays are sparse, so a page of words
 * exists only where blocks start. Allocators place blocks of n bytes at least n apart, glibc all
 * blocks at least 32 apart, so a word is one block's. Where the next allocator has smaller classes,
 * blocks of up to 24 bytes have a third array, one word per 8 bytes, made on demand.
 *
 * Where a heap of small blocks grows into one span after another, all of the next one's array is made
 * at once, and of a heap of some size four spans' arrays share a huge page.
 *
 * A word: callsite (24 bits), birth epoch (8), requested size (27), and for larger blocks the place in
 * its 512 bytes where the block begins (5), since small blocks may begin there too. Sizes of 128 MiB
 * and more are kept aside.
 *
 * No lock: a block has one owner at a time, and the program itself orders its hand-over. A look-up
 * is four loads; spans are found by a hash of chains that has no collisions below 64 GiB of heap.
 */
#pragma once
#include "agent/compiler.h"
#include "agent/pages.h"
#include "protocol/region.h"
#include <emmintrin.h>

#define SPAN_SHIFT 21
#define SPAN_SIZE (UINT64_C(1) << SPAN_SHIFT)
#define SPAN_HEADS (1u << 15)
#define SMALL_SHIFT 5
#define LARGE_SHIFT 9
#define LARGE_SIZE 512u
#define TINY_SHIFT 3
#define TINY_BELOW 25u

#define BLOCK_SIZE_ASIDE UINT64_C(0x7ffffff) /* in the size field: see blockmap_huge_size */
#define BLOCK_CALLSITE(word) ((uint32_t)(word)&0xffffffu)
#define BLOCK_EPOCH(word) ((uint32_t)((word) >> 24) & 0xffu)
#define BLOCK_SIZE(word) ((word) >> 32 & BLOCK_SIZE_ASIDE)
#define BLOCK_PLACE(address) ((uint64_t)((address) >> 4 & 31) << 59)
#define BLOCK_PLACE_MASK (UINT64_C(31) << 59)
#define BLOCK_EPOCH_MASK (UINT64_C(0xff) << 24)
#define EPOCH_LOADER 255u /* a block of the dynamic loader's: its freeing may unload a module */

struct span {
	uintptr_t number;  /* address >> SPAN_SHIFT */
	struct span *next; /* of the same head */
	struct span *next_of_all;
	uint64_t *small;   /* pages of their own, in one mapping with the span or in huge pages */
	uint64_t *tiny;	   /* atomic; NULL until a tiny block is met */
	uint64_t known[3]; /* pages that were there at an earlier walk, a bit each: the span's, then those of small */
	uint64_t large[SPAN_SIZE >> LARGE_SHIFT] __attribute__((aligned(64))); /* whole lines: BLOCKMAP_LINE */
};

#define SMALL_BYTES ((SPAN_SIZE >> SMALL_SHIFT) * sizeof(uint64_t))
#define SMALL_PAGES (SMALL_BYTES / PAGE_SIZE)
#define TINY_BYTES ((SPAN_SIZE >> TINY_SHIFT) * sizeof(uint64_t))
#define TINY_PAGES (TINY_BYTES / PAGE_SIZE)
#define SPAN_PAGES ((sizeof(struct span) + PAGE_SIZE - 1) / PAGE_SIZE)
#define SPAN_BYTES ((uint64_t)SPAN_PAGES * PAGE_SIZE)
#define BLOCKMAP_PAGES_MOST TINY_PAGES /* of one array */
_Static_assert(SPAN_PAGES + SMALL_PAGES <= BLOCKMAP_PAGES_MOST && SPAN_PAGES + SMALL_PAGES <= 192, "a span's pages");

/*
 * Under MADV_WIPEONFORK: in a forked child no span is found until blockmap_postfork_child, so the look-up
 * that every hook makes anyway is what keeps a child from writing into its parent's region.
 */
extern struct span *span_heads[SPAN_HEADS] guard_hidden;

/* What hooks read, in one line. */
struct blockmap_now {
	uint64_t tiny_below; /* 25 where the next allocator places small blocks closer than 32 bytes, else 0 */
	uint64_t birth;	     /* of a new block, at its place in the word; atomic, changed by the sampler thread alone */
	struct span *const *heads; /* where hooks look for spans: span_heads, or an empty table (census.h); atomic */
};
extern struct blockmap_now blockmap_now guard_hidden;

guard_inline struct span *span_find_in(struct span *const *heads, uintptr_t address)
{
	uintptr_t number = address >> SPAN_SHIFT;
	struct span *span = __atomic_load_n(&heads[number % SPAN_HEADS], __ATOMIC_ACQUIRE);

	while (likely(span != NULL) && unlikely(span->number != number))
		span = span->next;
	return span;
}

guard_inline struct span *span_find(uintptr_t address)
{
	return span_find_in(span_heads, address);
}

/* The newest span; the others follow by next_of_all. Context: any. */
struct span *blockmap_spans(void);

/* The words of its tiny blocks; NULL: none was met. */
guard_inline uint64_t *span_tiny(const struct span *span)
{
	return __atomic_load_n(&span->tiny, __ATOMIC_ACQUIRE);
}

/* Once at the start; false: this kernel cannot wipe on fork. Context: init. */
bool blockmap_init(bool tiny);
/* Before a fork: pages may be shared with a child from here on. Context: any. */
void blockmap_prefork(void);
bool blockmap_shared_by_fork(void);
/* In a forked child, once it has a region of its own: finds the spans again. */
void blockmap_postfork_child(void);

/* The word for a new block, in a span that may have to be made. NULL: no memory, counted. Context: any. */
uint64_t *blockmap_slot_new(uintptr_t address, uint64_t size);

/* What is written: `word` has callsite and epoch; a size of BLOCK_SIZE_ASIDE or more is the caller's to keep. */
guard_inline uint64_t blockmap_word(uint64_t word, uintptr_t address, uint64_t size)
{
	word |= (likely(size < BLOCK_SIZE_ASIDE) ? size : BLOCK_SIZE_ASIDE) << 32;
	return likely(size < LARGE_SIZE) ? word : word | BLOCK_PLACE(address);
}

/* The word for a new block of this size at this address, or NULL: ask blockmap_slot_new. */
guard_inline uint64_t *blockmap_slot(uintptr_t address, uint64_t size)
{
	struct span *span = span_find(address);
	uint64_t *tiny;

	if (unlikely(!span))
		return NULL;
	if (unlikely(size < blockmap_now.tiny_below)) {
		tiny = span_tiny(span);
		return likely(tiny != NULL) ? &tiny[(address & (SPAN_SIZE - 1)) >> TINY_SHIFT] : NULL;
	}
	if (likely(size < LARGE_SIZE))
		return &span->small[(address & (SPAN_SIZE - 1)) >> SMALL_SHIFT];
	return &span->large[(address & (SPAN_SIZE - 1)) >> LARGE_SHIFT];
}

/* The word of a live block in a span, which may be NULL; NULL: none starts at this address as far as we know. */
guard_inline uint64_t *span_block(struct span *span, uintptr_t address)
{
	uint64_t *slot, *tiny;

	if (unlikely(!span))
		return NULL;
	slot = &span->small[(address & (SPAN_SIZE - 1)) >> SMALL_SHIFT];
	if (likely(*slot))
		return slot;
	tiny = span_tiny(span);
	if (tiny) {
		slot = &tiny[(address & (SPAN_SIZE - 1)) >> TINY_SHIFT];
		if (*slot)
			return slot;
	}
	slot = &span->large[(address & (SPAN_SIZE - 1)) >> LARGE_SHIFT];
	return *slot && (*slot & BLOCK_PLACE_MASK) == BLOCK_PLACE(address) ? slot : NULL;
}

guard_inline uint64_t *blockmap_find(uintptr_t address)
{
	return span_block(span_find(address), address);
}

/* The same for a hook's fast path. */
guard_inline uint64_t *blockmap_find_fast(uintptr_t address)
{
	return span_block(span_find_in(__atomic_load_n(&blockmap_now.heads, __ATOMIC_RELAXED), address), address);
}

/*
 * A word of another block stands where a new one begins, or in the other array at that place: a free
 * that was not seen. Returns the stale word there and clears it, or 0.
 */
uint64_t blockmap_stale(uintptr_t address, const uint64_t *slot);

/*
 * What stands in a new block's slot. It is read as if to change it: the first touch of a page of words is then one page
 * fault, not one that finds a page of zeros and a second one for the write.
 */
guard_inline uint64_t blockmap_stands(uint64_t *slot)
{
	__asm__("orq $0, %0" : "+m"(*slot) : : "cc");
	return *slot;
}

/* Writes a block's word; 0: it is gone. The sampler's thread may be looking. Context: the block is the caller's. */
guard_inline void blockmap_put(uint64_t *slot, uint64_t word)
{
	__atomic_store_n(slot, word, __ATOMIC_RELAXED);
}

#define BLOCKMAP_LINE 8u /* words */

/* Which words of a line are not 0, a bit each. The low half of a word says it: it has the callsite. Context: any. */
guard_racing static inline unsigned blockmap_used(const uint64_t *line)
{
	const __m128i zero = _mm_setzero_si128();
	unsigned used = 0;

	for (unsigned i = 0; i < BLOCKMAP_LINE; i += 4) {
		__m128 two = _mm_castsi128_ps(*(const __m128i *)(line + i));
		__m128 next = _mm_castsi128_ps(*(const __m128i *)(line + i + 2));
		__m128i low = _mm_castps_si128(_mm_shuffle_ps(two, next, _MM_SHUFFLE(2, 0, 2, 0)));

		used |= (unsigned)_mm_movemask_ps(_mm_castsi128_ps(_mm_cmpeq_epi32(low, zero))) << i;
	}
	return ~used & ((1u << BLOCKMAP_LINE) - 1);
}

/* Sizes of 128 MiB and more. take: the size, and forgets it; 0 when unknown. */
bool blockmap_huge_put(uintptr_t address, uint64_t size);
uint64_t blockmap_huge_take(uintptr_t address);
uint64_t blockmap_huge_size(uintptr_t address);

/* Bytes of address space of the map, and how many are real, estimated from a sample of its spans. Context: sampler
 * thread. */
uint64_t blockmap_mapped(void);
uint64_t blockmap_resident(void);
