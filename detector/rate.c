/*
 * The rate of a leak. See rate.h.
 */
#include "detector/rate.h"
#include "detector/elementary.h"
#include "detector/thresholds.h"

#define PER_HOUR 3600e9

/* Did these births, of some share of t, keep no more than the rest did, of which `rest` survived in `rest_share`? */
static bool is_like(double alive, double share, double rest, double rest_share)
{
	double expected = rest_share > 0 ? rest / rest_share * share : 0;

	return alive <= expected + RATE_SIGMA * elementary_sqrt(expected + 1);
}

void rate_measure(const struct view *v, double reach, struct wire_evidence *f)
{
	double whole = view_edge(v, reach, false), from = whole > WARM_UP_SHARE ? whole : reach, to = from;
	double share = from - WARM_UP_SHARE, hours, error;
	struct births first = view_births(v, 0, WARM_UP_SHARE), later = view_births(v, WARM_UP_SHARE, from), more;

	for (double edge = from, next; (next = view_edge(v, edge, true)) > edge; edge = next)
		if (is_like(view_births(v, from, next).alive, next - from, later.alive, share))
			to = next;
	more = view_births(v, from, to);
	later.alive += more.alive;
	later.alive_bytes += more.alive_bytes;
	share += to - from;
	if (is_like(first.alive + v->row->elders, WARM_UP_SHARE, later.alive, share)) {
		later.alive += first.alive + v->row->elders;
		later.alive_bytes += first.alive_bytes + (double)v->row->elder_bytes;
		share += WARM_UP_SHARE;
	}
	hours = share * v->t / PER_HOUR;
	error = later.alive > 0 ? INTERVAL_SIGMA / elementary_sqrt(later.alive) : 0;
	f->bytes_per_hour = (float)(later.alive_bytes / hours);
	f->bytes_per_hour_low = (float)(later.alive_bytes / hours * (error < 1 ? 1 - error : 0));
	f->bytes_per_hour_high = (float)(later.alive_bytes / hours * (1 + error));
}
