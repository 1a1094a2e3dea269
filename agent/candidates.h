/*
 * Candidates -- the callsites that evidence is kept of: those with enough live blocks to be worth it.
 *
 * Each has a row (detector/evidence.h) and a record in the region where its findings go. There are at most
 * CANDIDATES_MOST; where more callsites would be candidates, those that hold the most bytes are, and how many were left
 * out is counted. Memory: 1.1 KB a candidate, 2 bytes a callsite, and 48 more once there are marks, in mappings of the
 * agent's own.
 *
 * Context: whoever has the sampler's turn (look.h).
 */
#pragma once
#include "detector/evidence.h"
#include "protocol/region.h"

#define CANDIDATES_MOST 4096u

struct candidate {
	struct evidence_row row;
	struct region_evidence *record; /* NULL: the region is full */
};

/* They stay where they are; another callsite may take one over. */
struct candidate *candidate_at(uint32_t index);
uint32_t candidates_count(void);
/* Callsites that would be candidates if there was room, as of the last candidates_enter. */
uint32_t candidates_left_out(void);

/* A reading of each; `sums` by callsite. */
void candidates_read(const struct calendar *calendar, const struct region_cell *sums, uint32_t n_sums);
/* At the end of an epoch: takes in those that have become candidates. */
void candidates_enter(const struct calendar *calendar, const struct region_cell *sums, uint32_t n_sums);
/* A mark: those that have grown at enough of them become candidates, and their evidence says so. */
void candidates_mark(const struct calendar *calendar, const struct region_cell *sums, uint32_t n_sums);
/*
 * Counts each candidate's live blocks by the cohort they were born in. False: ended early because *stop was set; the
 * counts are worth nothing then. Cost: below 10 ns a live block.
 */
bool candidates_walk(struct calendar *calendar, uint64_t now_ns, const int *stop);
/* In a forked child: there are none yet; their memory serves again. */
void candidates_postfork_child(void);
