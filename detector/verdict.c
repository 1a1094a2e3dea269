/*
 * The verdict, as verdict.h defines it.
 *
 * Guarantees: pure; no figure of a verdict is NaN or infinite.
 */
#include "detector/verdict.h"
#include "detector/reason.h"
#include "detector/thresholds.h"
#include <string.h>

#define NS 1e-9
#define SHARE 0.3 /* a slope below this share of RSS's explains nothing of it */
#define N_PROCESS_SERIES 4u

/* Everything a verdict is made from, computed once. */
struct figures {
	struct fit rss, live, heap, shared, rate;
	double rss_score, live_score, score; /* score: the higher one */
	double time_to_limit_s, live_bytes;
	uint64_t limit, baseline_rss, baseline_live;
	struct footprint_finding footprint;
	bool cgroup, baseline, explained; /* explained: live bytes account for the growth of RSS */
};

static uint32_t window_of(const struct options *options)
{
	if (options->window < 2)
		return 2;
	return options->window < SERIES_LONGEST ? (uint32_t)options->window : SERIES_LONGEST;
}

size_t detector_storage_size(const struct options *options)
{
	return (1 + N_PROCESS_SERIES) * sizeof(uint64_t) * window_of(options);
}

void detector_configure(struct detector *d, const struct options *options)
{
	uint32_t window = d->axis.capacity;

	d->rule_b.min_samples = options->min_samples < window ? (uint32_t)options->min_samples : window;
	d->rule_b.moderate = options->score_moderate;
	d->rule_b.severe = options->score_severe;
	d->leak_score = options->leak_score;
	d->leak_rate = options->leak_rate;
	d->interval_ns = options->interval;
	d->rss_limit = options->rss_limit;
	d->growth_limit = options->growth_limit;
	d->hold_ns = options->hold;
	d->predict_ns = options->predict;
	calendar_configure(&d->calendar, options);
}

void detector_init_child(struct detector *d, const struct options *options, void *storage, unsigned taken)
{
	uint32_t window = window_of(options);
	uint64_t *room = storage;

	memset(d, 0, sizeof(*d));
	series_axis_init(&d->axis, room, window);
	series_init(&d->rss, room + window);
	series_init(&d->live, room + 2 * window);
	series_init(&d->heap, room + 3 * window);
	series_init(&d->shared, room + 4 * window);
	calendar_begin(&d->calendar, options, taken);
	footprint_begin(&d->footprint);
	rule_a_init(&d->rule_a,
		    options->baseline_samples < SERIES_LONGEST ? (uint32_t)options->baseline_samples : SERIES_LONGEST);
	d->above_since_ns = UINT64_MAX;
	detector_configure(d, options);
}

void detector_init(struct detector *d, const struct options *options, void *storage)
{
	detector_init_child(d, options, storage, 0);
}

static double score_of(const struct detector *d, const struct series *series)
{
	struct fit fit = series_fit(series);

	return rule_b_score(&d->rule_b, &fit);
}

bool detector_sample(struct detector *d, const struct wire_sample *sample)
{
	uint64_t newest = d->axis.steps ? series_axis_time(&d->axis, 0) * 1000 : 0;

	if (d->started && sample->time_ns <= d->time_ns)
		return false;
	d->started = true;
	d->time_ns = sample->time_ns;
	d->newest_rss = sample->rss;
	d->heap_free = sample->heap_free;
	d->cgroup_limit = sample->cgroup_limit;
	footprint_sample(&d->footprint, &d->calendar, sample);
	if (d->axis.steps && sample->time_ns - newest < d->interval_ns / 2)
		return false;
	rule_a_sample(&d->rule_a, sample->time_ns, sample->rss, sample->live_bytes);
	series_axis_push(&d->axis, sample->time_ns);
	series_push(&d->rss, &d->axis, sample->rss);
	series_push(&d->live, &d->axis, sample->live_bytes);
	series_push(&d->heap, &d->axis, sample->heap_mapped);
	series_push(&d->shared, &d->axis, sample->rss_file + sample->rss_shmem);
	if (score_of(d, &d->rss) <= d->leak_score && score_of(d, &d->live) <= d->leak_score)
		d->above_since_ns = UINT64_MAX;
	else if (d->above_since_ns == UINT64_MAX)
		d->above_since_ns = sample->time_ns;
	return true;
}

static void gather(const struct detector *d, struct figures *e)
{
	*e = (struct figures){
		.rss = series_fit(&d->rss),
		.live = series_fit(&d->live),
		.heap = series_fit(&d->heap),
		.shared = series_fit(&d->shared),
		.rate = rule_a_fit(&d->rule_a),
		.limit = d->rss_limit,
		.time_to_limit_s = -1,
	};
	footprint_judge(&d->footprint, &d->calendar, &e->footprint);
	e->rss_score = rule_b_score(&d->rule_b, &e->rss);
	e->live_score = rule_b_score(&d->rule_b, &e->live);
	e->score = e->rss_score > e->live_score ? e->rss_score : e->live_score;
	e->live_bytes = d->live.n ? (double)d->live.values[(d->live.steps - 1) % d->axis.capacity] : 0;
	e->explained = e->live.bytes_per_hour >= SHARE * e->rss.bytes_per_hour;
	e->baseline = rule_a_baseline(&d->rule_a, &e->baseline_rss, &e->baseline_live);
	if (d->cgroup_limit && (!e->limit || d->cgroup_limit < e->limit)) {
		e->limit = d->cgroup_limit;
		e->cgroup = true;
	}
	if (e->rate.n >= d->rule_b.min_samples)
		e->time_to_limit_s = rule_a_time_to_limit(d->newest_rss, e->limit, e->rate.bytes_per_hour);
	else if (e->rss.n >= d->rule_b.min_samples)
		e->time_to_limit_s = rule_a_time_to_limit(d->newest_rss, e->limit, e->rss.bytes_per_hour);
}

/* Adds a reason if there is room: the first ones matter most. */
static void because(struct wire_verdict *verdict, enum reason_code code, double a, double b, double c)
{
	unsigned i;

	for (i = 0; i < WIRE_REASONS; i++)
		if (verdict->reasons[i].code == REASON_NONE) {
			verdict->reasons[i] = (struct wire_reason){.code = code, .value = {a, b, c}};
			return;
		}
}

/* RSS grows and live bytes do not account for it: where is it? */
static enum verdict_state judge_unexplained(const struct detector *d, const struct figures *e, struct wire_verdict *v)
{
	double growth = e->rss.bytes_per_hour;
	bool heap_known = d->heap.n && d->heap.values[(d->heap.steps - 1) % d->axis.capacity] != 0;

	if (e->shared.bytes_per_hour >= (1 - SHARE) * growth) {
		because(v, REASON_FILE_OR_SHARED, growth, e->shared.bytes_per_hour, 0);
		return VERDICT_EXTERNAL;
	}
	if (heap_known && e->heap.bytes_per_hour < SHARE * growth) {
		because(v, REASON_OUTSIDE_HEAP, growth, e->heap.bytes_per_hour, 0);
		return VERDICT_EXTERNAL;
	}
	because(v, REASON_RETAINED, growth, e->live.bytes_per_hour, (double)d->heap_free);
	return VERDICT_RETENTION;
}

static enum verdict_state judge_plainly(const struct detector *d, const struct figures *e, struct wire_verdict *v)
{
	bool live_grows = e->live_score > d->leak_score, rss_grows = e->rss_score > d->leak_score;

	if (e->rss.n < d->rule_b.min_samples) {
		because(v, REASON_TOO_FEW, e->rss.n, d->rule_b.min_samples, 0);
		return VERDICT_INCONCLUSIVE;
	}
	if (!live_grows && !rss_grows) {
		because(v, REASON_STEADY, e->rss.bytes_per_hour, e->score, d->leak_score);
		return VERDICT_STABLE;
	}
	if (live_grows || e->explained)
		because(v, REASON_LIVE_GROWS, e->live.bytes_per_hour, e->live.r2, e->live_score);
	if (rss_grows)
		because(v, REASON_RSS_GROWS, e->rss.bytes_per_hour, e->rss.r2, e->rss_score);
	because(v, REASON_SCORE_ABOVE, e->score, d->leak_score,
		d->above_since_ns < d->time_ns ? (double)(d->time_ns - d->above_since_ns) * NS : 0);
	return live_grows || e->explained ? VERDICT_LEAK : judge_unexplained(d, e, v);
}

static enum verdict_state judge_footprint(const struct figures *e, struct wire_verdict *v)
{
	const struct footprint_finding *f = &e->footprint;

	if (f->state == VERDICT_EXTERNAL) {
		because(v, REASON_GROWN_OUTSIDE, f->external - f->external_file - f->external_shared, f->external_file,
			f->external_shared);
	} else if (f->state == VERDICT_RETENTION) {
		because(v, REASON_KEPT_IDLE, f->retained, f->grown, f->live);
		because(v, REASON_ADVICE_TRIM, 0, 0, 0);
	}
	return f->state;
}

static enum verdict_state judge(const struct detector *d, const struct figures *e, struct wire_verdict *v)
{
	const struct findings *f = &d->findings;
	double age = (double)f->age_ns * NS, hold = (double)f->hold_ns * NS;
	enum verdict_state state;

	if (f->n[VERDICT_LEAK])
		because(v, REASON_CALLSITES_LEAK, f->n[VERDICT_LEAK], f->bytes_per_hour[VERDICT_LEAK], 0);
	if (f->n_marked)
		because(v, REASON_CALLSITES_MARKED, f->n_marked, f->bytes_per_mark, 0);
	if (f->n[VERDICT_GROWTH] > f->n_marked)
		because(v, REASON_CALLSITES_GROW, f->n[VERDICT_GROWTH], f->bytes_per_hour[VERDICT_GROWTH], 0);
	if (f->n_suspects)
		because(v, REASON_CALLSITES_SUSPECT, f->n_suspects, age, hold);
	state = judge_footprint(e, v);
	if (f->n[VERDICT_LEAK] || f->n[VERDICT_GROWTH])
		return f->n[VERDICT_LEAK] ? VERDICT_LEAK : VERDICT_GROWTH;
	if (state == VERDICT_EXTERNAL || state == VERDICT_RETENTION)
		return state;
	if (d->calendar.epoch < EPOCH_LEAST) {
		because(v, REASON_YOUNG, d->calendar.epoch, EPOCH_LEAST, 0);
		return VERDICT_INCONCLUSIVE;
	}
	if (f->n_suspects)
		return VERDICT_INCONCLUSIVE;
	if (f->n[VERDICT_WARM_UP] && (double)f->live_bytes[VERDICT_WARM_UP] >= WARM_UP_BYTES * e->live_bytes) {
		because(v, REASON_CALLSITES_WARM_UP, f->n[VERDICT_WARM_UP], (double)f->live_bytes[VERDICT_WARM_UP], 0);
		return VERDICT_WARM_UP;
	}
	because(v, REASON_CALLSITES_STABLE, f->n_judged, 0, 0);
	return VERDICT_STABLE;
}

/* No verdict on growth before the age of `hold`, unless the process ends. */
static bool held(const struct detector *d, bool at_end, enum verdict_state state)
{
	return state != VERDICT_INCONCLUSIVE && state != VERDICT_STABLE && !at_end && d->time_ns < d->hold_ns;
}

static enum verdict_severity rate_severity(const struct detector *d, const struct figures *e, enum verdict_state state,
					   struct wire_verdict *v)
{
	bool bad = e->score > d->leak_score || state == VERDICT_LEAK || state == VERDICT_GROWTH;
	enum verdict_severity severity = bad ? SEVERITY_WARNING : SEVERITY_NORMAL;

	if (e->limit && d->newest_rss >= e->limit) {
		because(v, REASON_LIMIT_REACHED, (double)d->newest_rss, (double)e->limit, e->cgroup);
		severity = SEVERITY_CRITICAL;
	} else if (e->time_to_limit_s >= 0 && e->time_to_limit_s < (double)d->predict_ns * NS) {
		because(v, REASON_LIMIT_NEAR, e->time_to_limit_s, (double)e->limit, e->cgroup);
		severity = SEVERITY_CRITICAL;
	}
	if (rule_a_covered(&d->rule_a) && e->rate.bytes_per_hour > d->leak_rate) {
		because(v, REASON_RATE, e->rate.bytes_per_hour, d->leak_rate, 0);
		severity = SEVERITY_CRITICAL;
	}
	if (e->baseline && d->growth_limit && d->newest_rss > e->baseline_rss &&
	    d->newest_rss - e->baseline_rss > d->growth_limit) {
		because(v, REASON_GROWTH_LIMIT, (double)(d->newest_rss - e->baseline_rss), (double)d->growth_limit,
			(double)e->baseline_rss);
		if (severity < SEVERITY_WARNING)
			severity = SEVERITY_WARNING;
	}
	return severity;
}

static void take_evidence(const struct detector *d, const struct figures *e, enum verdict_state state,
			  struct wire_verdict *v)
{
	const struct footprint_finding *f = &e->footprint;

	v->confidence = state == VERDICT_INCONCLUSIVE ? 0 : 1 - d->findings.p_value;
	v->evident_bytes_per_hour =
		d->findings.bytes_per_hour[VERDICT_LEAK] + d->findings.bytes_per_hour[VERDICT_GROWTH];
	v->time_to_limit_low_s = rule_a_time_to_limit(d->newest_rss, e->limit, f->rate_high);
	v->time_to_limit_high_s = rule_a_time_to_limit(d->newest_rss, e->limit, f->rate_low);
	v->grown = f->grown;
	v->grown_live = f->live;
	v->grown_retained = f->retained;
	v->grown_outside = f->outside;
	v->grown_file = f->file;
	v->grown_shared = f->shared;
}

void detector_verdict(const struct detector *d, bool at_end, struct wire_verdict *verdict)
{
	enum verdict_state state;
	struct figures e;

	gather(d, &e);
	*verdict = (struct wire_verdict){
		.n_samples = e.rss.n,
		.score = e.rss_score,
		.growth_bytes_per_hour = e.rss.bytes_per_hour,
		.r2 = e.rss.r2,
		.live_score = e.live_score,
		.live_growth_bytes_per_hour = e.live.bytes_per_hour,
		.live_r2 = e.live.r2,
		.time_to_limit_low_s = -1,
		.time_to_limit_high_s = -1,
		.time_to_limit_s = e.limit && d->newest_rss >= e.limit ? 0 : e.time_to_limit_s,
		.baseline_rss = e.baseline_rss,
		.baseline_live = e.baseline_live,
	};
	state = d->findings.made ? judge(d, &e, verdict) : judge_plainly(d, &e, verdict);
	if (!d->findings.made && held(d, at_end, state)) {
		because(verdict, REASON_SUSPECT, (double)d->time_ns * NS, (double)d->hold_ns * NS, e.score);
		state = VERDICT_INCONCLUSIVE;
	}
	verdict->state = (uint8_t)state;
	if (d->findings.made)
		take_evidence(d, &e, state, verdict);
	verdict->severity = (uint8_t)rate_severity(d, &e, state, verdict);
}

enum verdict_state detector_callsite_state(const struct detector *d, double score, bool at_end)
{
	enum verdict_state state = score > d->leak_score ? VERDICT_LEAK : VERDICT_STABLE;

	return held(d, at_end, state) ? VERDICT_INCONCLUSIVE : state;
}

void detector_callsite(const struct detector *d, const struct series *series, uint32_t callsite, bool at_end,
		       struct wire_callsite_verdict *verdict)
{
	struct fit fit = series_fit(series);
	double score = rule_b_score(&d->rule_b, &fit);
	enum verdict_state state = VERDICT_INCONCLUSIVE;

	if (fit.n >= d->rule_b.min_samples)
		state = detector_callsite_state(d, score, at_end);
	*verdict = (struct wire_callsite_verdict){
		.callsite = callsite,
		.state = state,
		.score = score,
		.growth_bytes_per_hour = fit.bytes_per_hour,
		.r2 = fit.r2,
	};
}

void detector_callsite_evident(struct wire_callsite_verdict *verdict, const struct wire_evidence *found)
{
	verdict->state = found->state;
	if (finding_state(found) == VERDICT_LEAK || finding_state(found) == VERDICT_GROWTH)
		verdict->growth_bytes_per_hour = found->bytes_per_hour;
}
