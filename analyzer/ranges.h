/*
 * Ranges -- a sorted table from addresses to indices: compilation units, functions, symbols.
 *
 * Add, sort once, then find: O(log n) where ranges do not overlap; where they nest, the one that
 * begins last wins.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct range {
	uint64_t low, high; /* [low, high) */
	uint64_t reach;	    /* the greatest high up to here: how far back a search must look */
	uint32_t index;	    /* the caller's */
};

struct ranges {
	struct range *table;
	size_t n, n_allocated;
};

/* Empty and inverted ranges, and those at 0 (what linkers leave of code they dropped), are passed over. False: out of
 * memory. */
bool ranges_add(struct ranges *ranges, uint64_t low, uint64_t high, uint32_t index);
/* Equal starts keep the order in which they were added. */
void ranges_sort(struct ranges *ranges);
/* The range that holds the address and begins last, or NULL. */
const struct range *ranges_find(const struct ranges *ranges, uint64_t address);
/* The last range that begins at or before the address, whether it reaches it or not, or NULL. */
const struct range *ranges_before(const struct ranges *ranges, uint64_t address);
void ranges_fini(struct ranges *ranges);
