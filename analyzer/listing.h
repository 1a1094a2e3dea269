/*
 * Listings -- the callsites of a process as reports show them.
 *
 * Without the agent's own frames, those with equal stacks merged, those that never counted anything left out; leaks
 * first, then growth, then by live bytes, then by id. Points into the process, which must live as long.
 */
#pragma once
#include "analyzer/estimates.h"

struct listed_callsite {
	const uint64_t *frames; /* leaf first */
	uint32_t n_frames;
	uint32_t flags; /* enum stack_flags */
	uint32_t id;	/* the first of those merged */
	struct wire_counts counts;
	struct variances variances; /* of the counts, where some are estimates */
	struct wire_callsite_verdict verdict;
	const struct wire_evidence *evidence; /* NULL: none */
	uint64_t live_bytes, live_blocks;
	UT_hash_handle hh; /* while the listing is made */
};

struct listing {
	struct listed_callsite *callsites;
	size_t n;
	struct wire_counts totals;
	struct variances variances;
	uint64_t live_bytes, live_blocks;
	uint64_t *frames; /* of all callsites */
	bool *modules;	  /* by id: whether it is in some stack */
};

/* Does it leak or grow? */
bool listing_is_bad(const struct listed_callsite *callsite);
/* Adds what one has counted, and holds, to a sum of several. */
void listing_add(struct listed_callsite *sum, const struct listed_callsite *callsite);

/* 0 or -ENOMEM. */
int listing_init(struct listing *listing, const struct process *process);
void listing_fini(struct listing *listing);
