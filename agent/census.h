/*
 * Census -- how many words the block map has, by the 16 KB of heap, in a process that has counted samples alone.
 *
 * In mode sampled hardly a block has a word. To learn that from the block map, a free would read two words of it,
 * mostly on pages that nobody has touched: cache misses and page faults. So while a process has been in no mode but
 * sampled and off, its words are counted: a byte for 16 KB of heap, whose small words are one page of the map. Where
 * the byte is 0 no block has a word, and a free is nothing but the real one. Addresses 8 GB apart share a byte; one at
 * 255 stays there.
 *
 * Mode exact pays nothing: it is hooks of a process with a census that look for spans in an empty table
 * (blockmap_now.heads), so their fast path finds nothing by itself and leads here. Words are written and taken by
 * account.c's slow side alone then. Before the process enters a mode whose fast path writes words, the census ends, for
 * ever.
 *
 * Order across threads: a byte is raised before its word is written, and lowered when that is gone. Who frees a
 * block was handed it by the program, behind its word: it reads a raised byte. Where a fast path wrote that word, it
 * had seen an epoch that was published after the census had ended, and so does whoever was handed the block.
 *
 * Forked children: the pointer to the bytes is on process_page, which is wiped, so a child counts and frees on the slow
 * side until it has begun, and then goes on with the bytes it inherited. A fork during census_end() is waited for: its
 * child believes the bytes or not, but no word is without them.
 */
#pragma once
#include "agent/blockmap.h"
#include "agent/process.h"

#define CENSUS_SHIFT 14 /* a page of small words */
#define CENSUS_BYTES (1u << 19)

struct census {
	struct span *nothing[SPAN_HEADS]; /* for blockmap_now.heads */
	uint8_t words[CENSUS_BYTES];	  /* atomic */
};
_Static_assert(1u << CENSUS_SHIFT == (PAGE_SIZE / sizeof(uint64_t)) << SMALL_SHIFT, "a page of small words");

/* NULL: this process has never had one. */
extern struct census *census guard_hidden;

/* No block near this one has a word. False: it has to be looked up. Context: any; async-signal-safe. */
guard_inline bool census_has_none(const void *block)
{
	const uint8_t *words = __atomic_load_n(&process_page.census, __ATOMIC_RELAXED);

	return words &&
	       !__atomic_load_n(&words[(uintptr_t)block >> CENSUS_SHIFT & (CENSUS_BYTES - 1)], __ATOMIC_RELAXED);
}

/* Begins it, if there is memory for it. Context: init, before the first word. */
void census_begin(void);
/* Before a mode that has a fast path: ends it, if there was one. Context: sampler thread. */
void census_end(void);
/* In a forked child that has found its spans again: goes on. */
void census_postfork_child(void);

/* A word is about to be written, or was taken. Context: any; async-signal-safe. */
void census_word_comes(uintptr_t block);
void census_word_went(uintptr_t block);
