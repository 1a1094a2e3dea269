/*
 * Sums -- the counters of all threads, by callsite.
 *
 * Records of counters lie among those of stacks, which are several times as many bytes, and none ever moves. So each is
 * looked for once: a table says where they are, and the region is read on from where it ended the last time. Cost: 7
 * bytes a callsite and thread; memory is read once.
 *
 * Context: one at a time for each struct sums.
 */
#pragma once
#include "agent/memory.h"
#include "protocol/region.h"

/* Zeroed to begin. */
struct sums {
	uint32_t n; /* cells 1..n-1 are callsites' */
	uint32_t n_known;
	uint64_t known_to; /* records before this offset are known */
	struct memory_array cells;
	struct memory_array known; /* records of counters, in the order of the region */
	struct memory_array heads; /* by callsite / REGION_CELLS: the latest of its records, 1 + index; 0: none */
};

/*
 * The sums as of now; what was freed is read before what was allocated. They stand until the next time. False: there
 * was no memory for all of them.
 */
bool sums_take(struct sums *s);
static inline const struct region_cell *sums_cells(const struct sums *s)
{
	return s->cells.base;
}
/* In a forked child: what the parent's thread was doing with it nobody knows. */
void sums_postfork_child(struct sums *s);
