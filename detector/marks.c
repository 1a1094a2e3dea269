/*
 * Marks. See marks.h.
 */
#include "detector/marks.h"
#include "detector/finding.h"
#include "detector/thresholds.h"

static void row_note(struct mark_row *row, uint64_t now)
{
	uint64_t step = now - row->last;

	if (now <= row->last) {
		*row = (struct mark_row){.last = now};
		return;
	}
	if (step > UINT32_MAX)
		step = UINT32_MAX;
	if (row->n == 0) {
		row->first = now;
		row->least = UINT32_MAX;
	} else if (step < row->least) {
		row->least = (uint32_t)step;
	}
	row->last = now;
	if (row->n < UINT32_MAX)
		row->n++;
}

/* Growth from mark to mark, but for the first. */
static double mean_step(const struct mark_row *row)
{
	return row->n > 1 ? (double)(row->last - row->first) / (row->n - 1) : 0;
}

static bool row_grows(const struct mark_row *row, double material)
{
	return row->n >= MARKS_IN_A_ROW && row->least >= MARKS_STEADY * mean_step(row) &&
	       (double)(row->last - row->first) >= material;
}

static bool site_grows(const struct mark_site *site)
{
	return row_grows(&site->blocks, 1) || row_grows(&site->bytes, SURVIVOR_BYTES);
}

bool mark_site_note(struct mark_site *site, uint64_t live_blocks, uint64_t live_bytes)
{
	row_note(&site->blocks, live_blocks);
	row_note(&site->bytes, live_bytes);
	return site_grows(site);
}

void mark_site_tell(const struct mark_site *site, struct wire_evidence *found)
{
	const struct mark_row *row = row_grows(&site->blocks, 1) ? &site->blocks : &site->bytes;

	found->marks = 0;
	found->blocks_per_mark = found->bytes_per_mark = 0;
	if (!site_grows(site))
		return;
	found->marks = row->n < UINT8_MAX ? (uint8_t)row->n : UINT8_MAX;
	found->blocks_per_mark = row == &site->blocks ? (float)mean_step(row) : 0;
	found->bytes_per_mark = site->bytes.n >= row->n ? (float)mean_step(&site->bytes) : 0;
}

enum verdict_state marks_state(const struct wire_evidence *found)
{
	bool none_stays = found->births > 0 && found->survivors <= 0;

	if (found->marks < MARKS_IN_A_ROW || none_stays || found->finding == FINDING_TURNOVER)
		return VERDICT_INCONCLUSIVE;
	return VERDICT_GROWTH;
}
