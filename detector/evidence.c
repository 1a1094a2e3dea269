/*
 * Evidence: the rows. See evidence.h.
 */
#include "detector/evidence.h"
#include "detector/thresholds.h"
#include <string.h>

const uint32_t evidence_depths[EVIDENCE_DEPTHS] = {2, 9}; /* (12/13)^2 and (12/13)^9 of the time */

static uint64_t difference(uint64_t allocated, uint64_t freed)
{
	return (int64_t)(allocated - freed) > 0 ? allocated - freed : 0;
}

static uint32_t saturated(uint64_t n)
{
	return n < EVIDENCE_UNREAD ? (uint32_t)n : EVIDENCE_UNREAD - 1;
}

bool evidence_is_candidate(const struct region_cell *sums)
{
	return difference(sums->allocated_blocks, sums->freed_blocks) >= CANDIDATE_BLOCKS ||
	       difference(sums->allocated_bytes, sums->freed_bytes) >= CANDIDATE_BYTES;
}

static void clear_troughs(struct evidence_row *row, uint32_t from)
{
	for (uint32_t i = from; i < CALENDAR_EPOCHS; i++) {
		row->trough_blocks[i] = EVIDENCE_UNREAD;
		row->trough_bytes[i] = 0;
	}
}

/* A row of nothing but the present. */
static void begin_anew(struct evidence_row *row, const struct calendar *calendar)
{
	clear_troughs(row, 0);
	for (uint32_t i = 0; i < CALENDAR_COHORTS; i++)
		row->cohorts[i] = (struct evidence_cohort){.old = {EVIDENCE_UNREAD, EVIDENCE_UNREAD}};
	row->level = calendar->level;
	row->cohort = calendar->cohort;
	row->elders = row->live_blocks;
	row->found = (struct wire_evidence){.callsite = row->found.callsite};
}

/* Keeps the lesser one of two troughs in `i`. */
static void lower(struct evidence_row *row, uint32_t i, uint32_t blocks, float bytes)
{
	if (row->trough_blocks[i] == EVIDENCE_UNREAD || bytes < row->trough_bytes[i])
		row->trough_bytes[i] = bytes;
	if (blocks < row->trough_blocks[i]) /* UNREAD is the greatest */
		row->trough_blocks[i] = blocks;
}

static void merge_epochs(struct evidence_row *row)
{
	for (uint32_t i = 0; i < CALENDAR_EPOCHS / 2; i++) {
		row->trough_blocks[i] = row->trough_blocks[2 * i];
		row->trough_bytes[i] = row->trough_bytes[2 * i];
		if (row->trough_blocks[2 * i + 1] != EVIDENCE_UNREAD)
			lower(row, i, row->trough_blocks[2 * i + 1], row->trough_bytes[2 * i + 1]);
	}
	clear_troughs(row, CALENDAR_EPOCHS / 2);
	row->level++;
}

/* The row follows what the calendar has done since. */
static void keep_step(struct evidence_row *row, const struct calendar *calendar)
{
	while (row->level < calendar->level)
		merge_epochs(row);
	while (row->cohort != calendar->cohort) {
		struct evidence_cohort *cohort = &row->cohorts[++row->cohort % CALENDAR_COHORTS];

		row->elders += cohort->alive;
		row->elder_bytes += cohort->alive_bytes;
		*cohort = (struct evidence_cohort){.old = {EVIDENCE_UNREAD, EVIDENCE_UNREAD}};
	}
}

/*
 * What is known of the time before: at no epoch's end were there enough live blocks for a candidate; and of the births
 * only the sum, which is taken as spread evenly.
 */
static void assume_past(struct evidence_row *row, const struct calendar *calendar)
{
	uint32_t blocks = row->live_blocks < CANDIDATE_BLOCKS ? row->live_blocks : CANDIDATE_BLOCKS - 1;
	float bytes = row->live_bytes < CANDIDATE_BYTES ? (float)row->live_bytes : CANDIDATE_BYTES - 1;
	double age = (double)calendar->now_ns;

	for (uint32_t i = 0; i < calendar->epoch; i++)
		lower(row, i, blocks, bytes);
	for (uint32_t i = calendar_oldest(calendar); i != calendar->cohort + 1 && age > 0; i++) {
		uint64_t begin = calendar_cohort_begin(calendar, i), end = calendar_cohort_end(calendar, i);

		struct evidence_cohort *cohort = &row->cohorts[i % CALENDAR_COHORTS];

		cohort->born = saturated((uint64_t)((double)row->allocated_blocks * (double)(end - begin) / age));
		for (unsigned depth = 0; depth < EVIDENCE_DEPTHS && i != calendar->cohort; depth++)
			cohort->old[depth] = 0;
	}
}

void evidence_begin(struct evidence_row *row, const struct calendar *calendar, uint32_t callsite,
		    const struct region_cell *sums)
{
	*row = (struct evidence_row){
		.found.callsite = callsite,
		.allocated_blocks = sums->allocated_blocks,
		.live_blocks = saturated(difference(sums->allocated_blocks, sums->freed_blocks)),
		.live_bytes = difference(sums->allocated_bytes, sums->freed_bytes),
		.entry_ns = calendar->now_ns,
	};
	begin_anew(row, calendar);
	assume_past(row, calendar);
}

void evidence_read(struct evidence_row *row, const struct calendar *calendar, const struct region_cell *sums)
{
	uint64_t born = difference(sums->allocated_blocks, row->allocated_blocks);
	struct evidence_cohort *cohort;

	row->live_blocks = saturated(difference(sums->allocated_blocks, sums->freed_blocks));
	row->live_bytes = difference(sums->allocated_bytes, sums->freed_bytes);
	row->allocated_blocks = sums->allocated_blocks;
	keep_step(row, calendar);
	cohort = &row->cohorts[row->cohort % CALENDAR_COHORTS];
	cohort->born = saturated(cohort->born + born);
	lower(row, calendar->epoch, row->live_blocks, (float)row->live_bytes);
}

void evidence_count_begin(struct evidence_row *row, const struct calendar *calendar)
{
	keep_step(row, calendar);
	row->elders = 0;
	row->elder_bytes = 0;
	for (uint32_t i = 0; i < CALENDAR_COHORTS; i++) {
		row->cohorts[i].alive = 0;
		row->cohorts[i].alive_bytes = 0;
	}
}

uint64_t evidence_alive_before(const struct evidence_row *row, const struct calendar *calendar, uint32_t number)
{
	uint64_t alive = row->elders;

	for (uint32_t i = calendar_oldest(calendar); (int32_t)(number - i) > 0; i++)
		alive += row->cohorts[i % CALENDAR_COHORTS].alive;
	return alive;
}

void evidence_count_end(struct evidence_row *row, const struct calendar *calendar)
{
	struct evidence_cohort *cohort = &row->cohorts[row->cohort % CALENDAR_COHORTS];

	for (unsigned depth = 0; depth < EVIDENCE_DEPTHS; depth++)
		if (cohort->old[depth] == EVIDENCE_UNREAD)
			cohort->old[depth] =
				saturated(evidence_alive_before(row, calendar, row->cohort - evidence_depths[depth]));
}
