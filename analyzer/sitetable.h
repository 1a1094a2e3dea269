/*
 * The site table -- the sites of a replay: numbered from 1 on, found by name.
 *
 * Cost: a hash of the name and a cache miss or two.
 */
#pragma once
#include "detector/marks.h"
#include "protocol/region.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct site {
	char *name;
	uint64_t hash;
	struct region_cell counts;
	bool is_candidate;
	struct mark_site marks;
	uint32_t alive[256]; /* live blocks by birth byte */
	uint64_t alive_bytes[256];
};

struct sitetable {
	struct site *sites; /* [0] unused */
	uint32_t n, room;
	uint32_t *places; /* by hash: numbers, 0 free */
	size_t n_places;  /* a power of two, or 0 */
};

void sitetable_fini(struct sitetable *table);
/* The number of the site, a new one if it is new; 0 when out of memory. A name ends at a NUL, too. */
uint32_t sitetable_find(struct sitetable *table, const char *name, size_t length);
