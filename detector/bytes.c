/*
 * The byte channel. See bytes.h.
 */
#include "detector/bytes.h"
#include "detector/elementary.h"
#include "detector/thresholds.h"

#define PER_HOUR 3600e9

/* The trough of bytes at this share of the whole epochs, between two of them on the line that joins them. */
static double bytes_at(const struct view *v, double share)
{
	uint32_t last = v->calendar->epoch - 1, i = (uint32_t)(share * last), next;
	double part = share * last - i, here;

	while (i < last && v->row->trough_blocks[i] == EVIDENCE_UNREAD)
		i++;
	here = (double)v->row->trough_bytes[i];
	next = i < last ? i + 1 : last;
	if (v->row->trough_blocks[next] == EVIDENCE_UNREAD)
		return here;
	return here + part * ((double)v->row->trough_bytes[next] - here);
}

static unsigned levels_since(const struct view *v, double share)
{
	unsigned n = 0;
	double highest = bytes_at(v, share);

	for (uint32_t i = (uint32_t)(share * v->calendar->epoch); i < v->calendar->epoch; i++)
		if (v->row->trough_blocks[i] != EVIDENCE_UNREAD && (double)v->row->trough_bytes[i] > highest) {
			highest = (double)v->row->trough_bytes[i];
			n++;
		}
	return n;
}

/* There are more bytes because there are more blocks, half of them at the least: these the other tests judge. */
static bool follow_blocks(const struct view *v, double rise)
{
	const uint32_t *blocks = v->row->trough_blocks;
	uint32_t last = v->calendar->epoch - 1, quarter = v->calendar->epoch / 4;

	if (blocks[quarter] == EVIDENCE_UNREAD || blocks[last] == EVIDENCE_UNREAD)
		return true;
	if (blocks[last] <= blocks[quarter])
		return false;
	return ((double)blocks[last] - blocks[quarter]) / blocks[last] * (double)v->row->trough_bytes[last] >=
	       BYTES_OF_BLOCKS * rise;
}

bool bytes_grow(const struct view *v, struct wire_evidence *f)
{
	double eighth = bytes_at(v, 0.125), quarter = bytes_at(v, 0.25), half = bytes_at(v, 0.5);
	double end = bytes_at(v, 1), d1 = end - half, d2 = half - quarter, d3 = quarter - eighth, exponent;
	unsigned levels = levels_since(v, 0.125);
	struct trend_points clear;
	struct trend_slope slope;

	if (f->births > BYTES_BIRTHS * v->row->live_blocks && view_old_share(v, 0.5) < 0.5)
		return false; /* blocks come and go, and so do their sizes */
	if (d1 <= 0 || d2 <= 0 || d3 <= 0 || levels < BYTES_LEVELS || end - quarter < SURVIVOR_BYTES ||
	    follow_blocks(v, end - quarter))
		return false;
	exponent = (elementary_log(d1 / d2) + elementary_log(d2 / d3)) / 2 / elementary_log(2);
	if (exponent < BYTES_EXPONENT || (end <= bytes_at(v, MATURE_SHARE) && levels >= BYTES_LEVELS_MANY))
		return false;
	f->z = (float)trend_clearest(&v->bytes, &clear);
	if (f->z < BYTES_Z)
		return false;
	f->rise = f->survivor_bytes = (float)(end - quarter);
	f->p_value = (float)elementary_normal_tail(f->z);
	slope = trend_sen(&v->bytes);
	f->bytes_per_hour = (float)(slope.slope * PER_HOUR);
	f->bytes_per_hour_low = (float)(slope.low * PER_HOUR);
	f->bytes_per_hour_high = (float)(slope.high * PER_HOUR);
	return true;
}
