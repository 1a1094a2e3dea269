/*
 * The footprint. See footprint.h.
 */
#include "detector/footprint.h"
#include "detector/thresholds.h"
#include "detector/trend.h"
#include <string.h>

#define PER_HOUR 3600e9
#define UNKNOWN INT64_MAX /* the least of it and a number is the number */

void footprint_begin(struct footprint *footprint)
{
	memset(footprint, 0, sizeof(*footprint));
}

/* What a sample says. Where nobody asked /proc for the kinds of pages, all of RSS counts as anonymous. */
static struct footprint_epoch parts(const struct wire_sample *sample)
{
	bool kinds = sample->rss_anon || sample->rss_file || sample->rss_shmem;
	struct footprint_epoch e = {
		.read = true,
		.rss = sample->rss,
		.live_peak = sample->live_bytes + FOOTPRINT_BLOCK_BYTES * sample->live_blocks,
		.anon = (int64_t)(kinds ? sample->rss_anon : sample->rss) - (int64_t)sample->agent_bytes,
		.file = (int64_t)sample->rss_file,
		.shared = (int64_t)sample->rss_shmem,
	};

	e.outside = sample->heap_mapped ? e.anon - (int64_t)sample->heap_mapped : UNKNOWN;
	return e;
}

static int64_t lesser(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static void add(struct footprint_epoch *to, const struct footprint_epoch *e)
{
	if (!e->read)
		return;
	if (!to->read) {
		*to = *e;
		return;
	}
	to->rss = e->rss < to->rss ? e->rss : to->rss;
	to->live_peak = e->live_peak > to->live_peak ? e->live_peak : to->live_peak;
	to->anon = lesser(to->anon, e->anon);
	to->outside = lesser(to->outside, e->outside);
	to->file = lesser(to->file, e->file);
	to->shared = lesser(to->shared, e->shared);
}

static void merge(struct footprint *f)
{
	for (uint32_t i = 0; i < CALENDAR_EPOCHS / 2; i++) {
		struct footprint_epoch second = f->epochs[2 * i + 1];

		f->epochs[i] = f->epochs[2 * i];
		add(&f->epochs[i], &second);
	}
	memset(&f->epochs[CALENDAR_EPOCHS / 2], 0, sizeof(f->epochs) / 2);
	f->level++;
}

void footprint_sample(struct footprint *f, const struct calendar *calendar, const struct wire_sample *sample)
{
	struct footprint_epoch e = parts(sample);

	while (f->level < calendar->level)
		merge(f);
	if (!f->started)
		f->first = e;
	f->started = true;
	add(&f->epochs[calendar->epoch], &e);
}

/* The whole epochs between two shares of the time judged, as one: what goes on the way out falls into the open one. */
static struct footprint_epoch between(const struct footprint *f, const struct calendar *calendar, double from,
				      double to)
{
	struct footprint_epoch all = {0};
	uint32_t n = calendar->epoch + 1;

	for (uint32_t i = (uint32_t)(from * n); i < (uint32_t)(to * n) && i < calendar->epoch; i++)
		add(&all, &f->epochs[i]);
	return all;
}

/* The last epoch that was read at or before this share. */
static const struct footprint_epoch *at(const struct footprint *f, const struct calendar *calendar, double share)
{
	for (uint32_t i = (uint32_t)(share * (calendar->epoch + 1)) + 1; i-- > 0;)
		if (i < CALENDAR_EPOCHS && f->epochs[i].read)
			return &f->epochs[i];
	return &f->first;
}

static double above_zero(double x)
{
	return x > 0 ? x : 0;
}

static double outside_grown(const struct footprint_epoch *now, const struct footprint_epoch *then)
{
	double before = then->outside == UNKNOWN ? 0 : above_zero((double)then->outside);

	return now->outside == UNKNOWN ? 0 : above_zero((double)now->outside - before);
}

static void measure_rate(const struct footprint *f, const struct calendar *calendar, struct footprint_finding *finding)
{
	double length = (double)calendar_epoch_length(calendar);
	struct trend_points points = {0};
	struct trend_slope slope;

	for (uint32_t i = 0; i < calendar->epoch; i++)
		if (f->epochs[i].read && i + 1 > WARM_UP_SHARE * calendar->epoch) {
			points.x[points.n] = i * length;
			points.y[points.n++] = (double)f->epochs[i].rss;
		}
	slope = trend_sen(&points);
	finding->rate = slope.slope * PER_HOUR;
	finding->rate_low = slope.low * PER_HOUR;
	finding->rate_high = slope.high * PER_HOUR;
}

/* From the second quarter to the last, RSS has risen, and what is needed has not. */
static bool retention_grows(const struct footprint *f, const struct calendar *calendar)
{
	struct footprint_epoch then = between(f, calendar, WARM_UP_SHARE, 0.5),
			       now = between(f, calendar, MATURE_SHARE, 1);
	double rise = (double)now.anon - (double)then.anon, needed = (double)now.live_peak - (double)then.live_peak;

	return then.read && now.read && rise - above_zero(needed) >= FOOTPRINT_BYTES &&
	       rise - above_zero(needed) >= FOOTPRINT_SHARE * ((double)now.rss - (double)then.rss);
}

void footprint_judge(const struct footprint *f, const struct calendar *calendar, struct footprint_finding *finding)
{
	struct footprint_epoch now = between(f, calendar, FOOTPRINT_NOW, 1), later = between(f, calendar, 0.5, 1);
	const struct footprint_epoch *quarter = at(f, calendar, WARM_UP_SHARE);
	double anon, since_quarter;

	memset(finding, 0, sizeof(*finding));
	finding->state = VERDICT_INCONCLUSIVE;
	if (!f->started || !now.read || calendar->epoch < EPOCH_LEAST)
		return;
	measure_rate(f, calendar, finding);
	anon = (double)now.anon - (double)f->first.anon;
	finding->grown = (double)now.rss - (double)f->first.rss;
	finding->live = (double)later.live_peak - (double)f->first.live_peak;
	finding->outside = outside_grown(&now, &f->first);
	finding->retained = above_zero(anon - above_zero(finding->live) - finding->outside);
	finding->file = above_zero((double)(now.file - f->first.file));
	finding->shared = above_zero((double)(now.shared - f->first.shared));
	finding->external_file = above_zero((double)(now.file - quarter->file));
	finding->external_shared = above_zero((double)(now.shared - quarter->shared));
	finding->external = finding->external_file + finding->external_shared;
	finding->external += outside_grown(&now, quarter);
	since_quarter = (double)now.rss - (double)quarter->rss;
	finding->state = VERDICT_STABLE;
	if (finding->external >= FOOTPRINT_BYTES && finding->external >= FOOTPRINT_SHARE * since_quarter)
		finding->state = VERDICT_EXTERNAL;
	else if (finding->retained >= FOOTPRINT_BYTES &&
		 (finding->retained >= FOOTPRINT_SHARE * finding->grown || retention_grows(f, calendar)))
		finding->state = VERDICT_RETENTION;
}
