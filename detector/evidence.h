/*
 * Evidence -- what is kept of a callsite that may leak: about 1 KB, whatever it does and for however long.
 *
 * A callsite that leaks goes on keeping a share of what it allocates, and never frees what it kept. So its row holds,
 * by the calendar (calendar.h has the picture):
 *
 *   troughs    the least live blocks and bytes met in each epoch: they strip what comes and goes
 *   cohorts    of the blocks born in each cohort: how many were born, how many were alive at the last walk
 *   old ones   how many blocks were old already at an earlier walk, so that it shows whether the old still die
 *
 * finding.h judges by these. How a process is watched (the agent's sampler thread, or a replay in virtual time):
 *
 *   at each calendar->due_ns, sums being the counters of all callsites:
 *     1. evidence_read for each row
 *     2. what = calendar_tick(calendar, now); from here on new blocks are marked with calendar->birth
 *     3. if what & CALENDAR_EPOCH: evidence_begin a row for each other callsite that evidence_is_candidate
 *     4. if what & CALENDAR_WALK: calendar_walk_begin, evidence_count_begin for each row; for each block of the map
 *        evidence_count(calendar, row of its callsite or NULL, its birth byte, its size); calendar_walk_end,
 *        evidence_count_end for each row. Where that is too dear just now, 4 and 5 are left out.
 *     5. judge as findings.h says
 *   at the end of the process: 5 with at_end, by the last walk: what a program frees on its way out says nothing.
 *
 * A block that realloc made of one of the same callsite keeps its birth byte; of another callsite's it is born anew.
 * Blocks of the loader (birth byte 255) are elders.
 *
 * Thresholds are in thresholds.h. Context: any, one thread at a time; pure: no clock, no I/O, no memory but the
 * caller's, which stays where it is. Cost: 20 ns a row and reading, 2 ns a block and walk.
 */
#pragma once
#include "detector/calendar.h"
#include "protocol/region.h"
#include <stdbool.h>
#include <stdint.h>

#define EVIDENCE_UNREAD UINT32_MAX

/* How deep "old" is: born before that many cohorts ago, at an age of about 0.15 and 0.51 of the time then judged. */
#define EVIDENCE_DEPTHS 2u
extern const uint32_t evidence_depths[EVIDENCE_DEPTHS];

struct evidence_cohort {
	uint32_t born, alive;
	float alive_bytes;
	/* At the first walk in this cohort: blocks alive that were old then, or UNREAD. */
	uint32_t old[EVIDENCE_DEPTHS];
};

struct evidence_row {
	uint32_t level, cohort; /* of the calendar, when last in step */
	uint64_t allocated_blocks, live_bytes;
	uint32_t live_blocks, elders;
	float elder_bytes;
	uint64_t entry_ns;
	uint32_t trough_blocks[CALENDAR_EPOCHS]; /* or UNREAD */
	float trough_bytes[CALENDAR_EPOCHS];
	struct evidence_cohort cohorts[CALENDAR_COHORTS]; /* by number mod 32 */
	struct wire_evidence found;			  /* its callsite: the caller's number */
};
_Static_assert(sizeof(struct evidence_row) <= 1126, "1.1 KB for a candidate");

bool evidence_is_candidate(const struct region_cell *sums);
/* A row for a callsite that has become a candidate; sums are its counters now. */
void evidence_begin(struct evidence_row *row, const struct calendar *calendar, uint32_t callsite,
		    const struct region_cell *sums);
/* A reading of the callsite's counters. */
void evidence_read(struct evidence_row *row, const struct calendar *calendar, const struct region_cell *sums);

void evidence_count_begin(struct evidence_row *row, const struct calendar *calendar);
/* n live blocks of the callsite, of as many bytes in all. */
static inline void evidence_count_many(struct calendar *calendar, struct evidence_row *row, uint8_t birth, uint32_t n,
				       uint64_t bytes)
{
	uint8_t cohort = calendar_meet(calendar, birth);

	if (!row)
		return;
	if (cohort < CALENDAR_COHORTS) {
		row->cohorts[cohort].alive += n;
		row->cohorts[cohort].alive_bytes += (float)bytes;
	} else {
		row->elders += n;
		row->elder_bytes += (float)bytes;
	}
}
static inline void evidence_count(struct calendar *calendar, struct evidence_row *row, uint8_t birth, uint64_t bytes)
{
	evidence_count_many(calendar, row, birth, 1, bytes);
}
/* Behind calendar_walk_end. */
void evidence_count_end(struct evidence_row *row, const struct calendar *calendar);

/* Blocks alive that were born before this cohort, by the last walk. */
uint64_t evidence_alive_before(const struct evidence_row *row, const struct calendar *calendar, uint32_t number);
