/*
 * Findings: the tests. See finding.h.
 */
#include "detector/finding.h"
#include "detector/elementary.h"
#include "detector/marks.h"
#include "detector/reason.h"
#include "detector/thresholds.h"
#include "detector/trend.h"
#include <string.h>

#define NS 1e-9
#define PER_HOUR 3600e9
#define WILSON_Z 1.96
#define FINDING_AGES (sizeof(((struct wire_evidence *)0)->ages) / sizeof(uint32_t))

/* What the tests look at. */
struct view {
	const struct evidence_row *row;
	const struct calendar *calendar;
	double t;				  /* ns */
	struct trend_points blocks, bytes, clear; /* clear: of the blocks, as the trend shows clearest */
	double early, late, early_born, late_born, early_ns, late_ns; /* mature: alive, born, for how long */
	double tail_born;					      /* in the last quarter */
};

static double at_share(const struct view *v, double share)
{
	return (double)v->calendar->begin_ns + share * v->t;
}

static void gather_troughs(struct view *v)
{
	double length = (double)calendar_epoch_length(v->calendar);

	for (uint32_t i = 0; i < v->calendar->epoch; i++) {
		if (i * length < WARM_UP_SHARE * v->t || v->row->trough_blocks[i] == EVIDENCE_UNREAD)
			continue;
		v->blocks.x[v->blocks.n] = v->bytes.x[v->bytes.n] = (i + 0.5) * length;
		v->blocks.y[v->blocks.n++] = v->row->trough_blocks[i];
		v->bytes.y[v->bytes.n++] = (double)v->row->trough_bytes[i];
	}
}

/* How much of a cohort lies between two shares of t: 0..1. */
static double overlap(const struct view *v, uint32_t number, double from, double to)
{
	double begin = (double)calendar_cohort_begin(v->calendar, number);
	double end = (double)calendar_cohort_end(v->calendar, number), width = end - begin;

	from = at_share(v, from) > begin ? at_share(v, from) : begin;
	to = at_share(v, to) < end ? at_share(v, to) : end;
	return width > 0 && to > from ? (to - from) / width : 0;
}

static void gather_cohorts(struct view *v)
{
	for (uint32_t i = calendar_oldest(v->calendar); i != v->calendar->cohort + 1; i++) {
		const struct evidence_cohort *c = &v->row->cohorts[i % CALENDAR_COHORTS];
		double early = overlap(v, i, WARM_UP_SHARE, 0.5), late = overlap(v, i, 0.5, MATURE_SHARE);

		v->early += early * c->alive;
		v->early_born += early * c->born;
		v->late += late * c->alive;
		v->late_born += late * c->born;
		v->tail_born += overlap(v, i, MATURE_SHARE, 1) * c->born;
	}
}

/* E1, and what all others need. False: there is no rise. */
static bool rises(struct view *v, struct wire_evidence *f)
{
	if (v->blocks.n < 3)
		return false;
	f->z = (float)trend_clearest(&v->blocks, &v->clear);
	f->rise = (float)(v->clear.y[v->clear.n - 1] - v->clear.y[0]);
	f->p_value = (float)elementary_normal_tail(f->z);
	return f->z >= TREND_Z && f->rise >= TREND_BLOCKS;
}

static double mean_size(const struct evidence_row *row)
{
	return row->live_blocks ? (double)row->live_bytes / row->live_blocks : 0;
}

/* E3 */
static bool is_step(const struct trend_points *points)
{
	struct trend_points merged;
	const struct trend_points *m = trend_merge(points, TREND_GROUPS, &merged) ? &merged : points;
	double greatest = 0, rise = m->y[m->n - 1] - m->y[0];

	for (unsigned i = 1; i < m->n; i++)
		if (m->y[i] - m->y[i - 1] > greatest)
			greatest = m->y[i] - m->y[i - 1];
	return greatest > STEP_SHARE * rise;
}

/* E4: deaths since the latest walk, at 7t/8 or before, that knows how many were old then. */
static bool turns_over(const struct view *v, struct wire_evidence *f)
{
	const struct calendar *c = v->calendar;
	double n, deaths;

	for (uint32_t i = c->cohort; i != calendar_oldest(c) - 1; i--) {
		const struct evidence_cohort *cohort = &v->row->cohorts[i % CALENDAR_COHORTS];
		double walk = (double)c->cohort_walk_ns[i % CALENDAR_COHORTS];

		if (cohort->old == EVIDENCE_UNREAD || walk <= 0 || walk > at_share(v, HAZARD_BEGIN))
			continue;
		n = cohort->old;
		deaths = n - (double)evidence_alive_before(v->row, c, i - 2);
		if (deaths < 0)
			deaths = 0;
		f->hazard = (float)((deaths + 0.5) / (n + 1));
		f->hazard_s = (float)(((double)c->walk_ns - walk) * NS);
		return deaths >= HAZARD_DEATHS && f->hazard > HAZARD_SHARE;
	}
	return false;
}

static double ratio_upper(double later, double earlier, double scale)
{
	if (earlier <= 0 || later <= 0)
		return later > 0 ? 1e9 : 0;
	return later / earlier * scale * elementary_exp(DECELERATION_SIGMA * elementary_sqrt(1 / later + 1 / earlier));
}

/* E5 */
static bool decelerates(const struct view *v, struct wire_evidence *f)
{
	double by_birth, kept = f->births > 0 ? f->survivors / f->births : 1;

	f->deceleration = v->early > 0 ? (float)(v->late / v->early) : 1;
	by_birth = v->late_born > 0 ? v->early_born / v->late_born : 1;
	return ratio_upper(v->late, v->early, 1) < DECELERATION &&
	       (kept > KEPT_ALL || ratio_upper(v->late, v->early, by_birth) < DECELERATION);
}

/* E6 */
static bool is_full(const struct view *v, struct wire_evidence *f)
{
	const struct trend_points *m = &v->clear;
	double scatter = trend_scatter(m, trend_sen(m).slope), promised, rise;
	unsigned i = m->n - 1;

	while (i > 0 && m->x[i] > MATURE_SHARE * v->t)
		i--;
	rise = m->y[m->n - 1] - m->y[i];
	promised = (f->births > 0 ? f->survivors / f->births : 1) * v->tail_born;
	f->tail = promised > 0 ? (float)(rise / promised) : 0;
	return rise + scatter < PLATEAU_SHARE * promised || rise + PLATEAU_SIGMA * scatter <= 0;
}

static void measure_rate(const struct view *v, struct wire_evidence *f)
{
	struct trend_slope s = trend_sen(&v->bytes);

	f->bytes_per_hour = (float)(s.slope * PER_HOUR);
	f->bytes_per_hour_low = (float)(s.low * PER_HOUR);
	f->bytes_per_hour_high = (float)(s.high * PER_HOUR);
}

/* The whole epoch in which this share of t lies; its trough of bytes. */
static double bytes_at(const struct view *v, double share)
{
	uint32_t i = (uint32_t)(share * v->calendar->epoch), last = v->calendar->epoch - 1;

	i = i < last ? i : last;
	while (i < last && v->row->trough_blocks[i] == EVIDENCE_UNREAD)
		i++;
	return (double)v->row->trough_bytes[i];
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

/* There are more bytes because there are more blocks, and these come and go. */
static bool follow_blocks(const struct view *v, const struct wire_evidence *f)
{
	uint32_t last = v->calendar->epoch - 1, quarter = v->calendar->epoch / 4;
	double before = v->row->trough_blocks[quarter], after = v->row->trough_blocks[last];

	if (v->row->trough_blocks[quarter] == EVIDENCE_UNREAD || v->row->trough_blocks[last] == EVIDENCE_UNREAD)
		return true;
	if (f->survivors >= BYTES_LEVELS && f->survivors > KEPT_ALL * f->births)
		return false;
	return after > BYTES_BLOCKS * before;
}

/* The byte channel. */
static bool bytes_grow(struct view *v, struct wire_evidence *f)
{
	double eighth = bytes_at(v, 0.125), quarter = bytes_at(v, 0.25), half = bytes_at(v, 0.5);
	double end = bytes_at(v, 1), d1 = end - half, d2 = half - quarter, d3 = quarter - eighth, exponent;
	unsigned levels = levels_since(v, 0.125);

	if (d1 <= 0 || d2 <= 0 || d3 <= 0 || levels < BYTES_LEVELS || end - quarter < SURVIVOR_BYTES ||
	    follow_blocks(v, f))
		return false;
	exponent = (elementary_log(d1 / d2) + elementary_log(d2 / d3)) / 2 / elementary_log(2);
	if (exponent < BYTES_EXPONENT || (end <= bytes_at(v, MATURE_SHARE) && levels >= BYTES_LEVELS_MANY))
		return false;
	f->rise = f->survivor_bytes = (float)(end - quarter);
	f->z = (float)trend_clearest(&v->bytes, &v->clear);
	f->p_value = (float)elementary_normal_tail(f->z);
	return true;
}

static enum finding_kind judge_blocks(struct view *v, struct wire_evidence *f)
{
	if (!rises(v, f))
		return FINDING_FLAT;
	if (f->survivors < SURVIVOR_BLOCKS)
		return f->survivors > 0 ? FINDING_MINOR : FINDING_LOAD;
	if (f->survivor_bytes < SURVIVOR_BYTES)
		return FINDING_MINOR;
	if (is_step(&v->blocks))
		return FINDING_STEP;
	if (turns_over(v, f))
		return FINDING_TURNOVER;
	if (v->late <= 0 || decelerates(v, f))
		return FINDING_DECELERATING;
	if (is_full(v, f))
		return FINDING_PLATEAU;
	return f->survivors < KEPT_ALL * f->births ? FINDING_LEAK : FINDING_GROWTH;
}

/* Live blocks by age: eighths of t, elders among the oldest. */
static void count_ages(const struct view *v, uint32_t *ages)
{
	const struct calendar *c = v->calendar;

	ages[0] = v->row->elders;
	for (uint32_t i = calendar_oldest(c); i != c->cohort + 1; i++) {
		double middle = ((double)calendar_cohort_begin(c, i) + (double)calendar_cohort_end(c, i)) / 2;
		unsigned age = (unsigned)((middle - (double)c->begin_ns) * FINDING_AGES / v->t);

		ages[age < FINDING_AGES ? age : FINDING_AGES - 1] += v->row->cohorts[i % CALENDAR_COHORTS].alive;
	}
}

void finding_judge(struct evidence_row *row, const struct calendar *calendar)
{
	struct view v = {.row = row, .calendar = calendar, .t = (double)(calendar->walk_ns - calendar->begin_ns)};
	struct wire_evidence *f = &row->found, was = *f;

	*f = (struct wire_evidence){.callsite = was.callsite,
				    .state = was.state,
				    .in_a_row = was.in_a_row,
				    .marks = was.marks,
				    .blocks_per_mark = was.blocks_per_mark,
				    .bytes_per_mark = was.bytes_per_mark};
	if (!calendar->walk_ns || v.t <= 0)
		return;
	f->age_s = (float)(v.t * NS);
	f->live_blocks = row->live_blocks;
	f->epochs = calendar->epoch;
	count_ages(&v, f->ages);
	if (calendar->epoch < EPOCH_LEAST)
		return;
	gather_troughs(&v);
	gather_cohorts(&v);
	f->survivors = (float)(v.early + v.late);
	f->survivor_bytes = (float)(f->survivors * mean_size(row));
	f->births = (float)(v.early_born + v.late_born);
	f->finding = (uint8_t)judge_blocks(&v, f);
	if ((f->finding == FINDING_FLAT || f->finding == FINDING_MINOR) && bytes_grow(&v, f))
		f->finding = FINDING_BYTES;
	if (f->finding != FINDING_FLAT)
		measure_rate(&v, f);
}

enum verdict_state finding_state(const struct wire_evidence *found)
{
	static const uint8_t states[N_FINDINGS] = {
		[FINDING_YOUNG] = VERDICT_INCONCLUSIVE,
		[FINDING_FLAT] = VERDICT_STABLE,
		[FINDING_MINOR] = VERDICT_STABLE,
		[FINDING_LOAD] = VERDICT_STABLE,
		[FINDING_TURNOVER] = VERDICT_STABLE,
		[FINDING_STEP] = VERDICT_WARM_UP,
		[FINDING_DECELERATING] = VERDICT_WARM_UP,
		[FINDING_PLATEAU] = VERDICT_WARM_UP,
		[FINDING_LEAK] = VERDICT_LEAK,
		[FINDING_GROWTH] = VERDICT_GROWTH,
		[FINDING_BYTES] = VERDICT_GROWTH,
	};

	return found->finding < N_FINDINGS ? (enum verdict_state)states[found->finding] : VERDICT_INCONCLUSIVE;
}

double finding_confidence(const struct wire_evidence *found)
{
	return found->finding == FINDING_YOUNG ? 0 : 1 - (double)found->p_value;
}

void finding_share(const struct wire_evidence *found, double *share, double *low, double *high)
{
	double n = found->births > found->survivors ? found->births : found->survivors, z2 = WILSON_Z * WILSON_Z;
	double p = n > 0 ? found->survivors / n : 0, middle, half;

	middle = n > 0 ? (p + z2 / (2 * n)) / (1 + z2 / n) : 0.5;
	half = n > 0 ? WILSON_Z * elementary_sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n) : 0.5;
	*share = p;
	*low = middle - half > 0 ? middle - half : 0;
	*high = middle + half < 1 ? middle + half : 1;
}

struct reasons {
	struct wire_reason *at;
	unsigned n, room;
};

static void because(struct reasons *reasons, enum reason_code code, double a, double b, double c)
{
	if (reasons->n < reasons->room)
		reasons->at[reasons->n++] = (struct wire_reason){.code = code, .value = {a, b, c}};
}

/* A leak or growth: what speaks for it, and what holds it back. */
static void suspicion(struct reasons *r, const struct wire_evidence *f, double age_s, double hold_s)
{
	bool held = f->state != VERDICT_LEAK && f->state != VERDICT_GROWTH;

	if (f->finding == FINDING_BYTES) {
		because(r, REASON_BYTES_RISE, f->rise, f->bytes_per_hour, f->live_blocks);
	} else {
		because(r, REASON_KEPT, f->survivors, f->births > f->survivors ? f->births : f->survivors, 0);
		because(r, REASON_OLD_LIVE, f->hazard, f->hazard_s, 0);
		because(r, REASON_RISES, f->rise, f->bytes_per_hour, (1 - WARM_UP_SHARE) * f->age_s);
	}
	if (held && f->survivor_bytes < SURVIVOR_BYTES_RUNNING)
		because(r, REASON_RUNNING_SMALL, f->survivor_bytes, SURVIVOR_BYTES_RUNNING, 0);
	else if (held)
		because(r, REASON_SUSPECTED, 0, age_s, hold_s);
}

static void innocence(struct reasons *r, const struct wire_evidence *f)
{
	switch (f->finding) {
	case FINDING_FLAT:
		because(r, REASON_FLAT, f->rise, f->z, 0);
		break;
	case FINDING_MINOR:
		because(r, REASON_MINOR, f->survivors, f->survivor_bytes, 0);
		break;
	case FINDING_LOAD:
		because(r, REASON_LOAD, f->rise, f->survivors, f->births);
		break;
	case FINDING_TURNOVER:
		because(r, REASON_TURNOVER, f->hazard, f->hazard_s, 0);
		break;
	case FINDING_STEP:
		because(r, REASON_STEP, f->rise, 0, 0);
		break;
	case FINDING_DECELERATING:
		because(r, REASON_DECELERATES, f->deceleration, 0, 0);
		break;
	case FINDING_PLATEAU:
		because(r, REASON_PLATEAU, f->tail, 0, 0);
		break;
	default:
		because(r, REASON_YOUNG, f->epochs, EPOCH_LEAST, 0);
	}
}

void finding_reasons(const struct wire_evidence *found, uint64_t age_ns, uint64_t hold_ns, struct wire_reason *reasons,
		     unsigned n)
{
	struct reasons r = {.at = reasons, .room = n};
	enum verdict_state state = finding_state(found);

	memset(reasons, 0, n * sizeof(*reasons));
	if (marks_state(found) != VERDICT_INCONCLUSIVE)
		because(&r, REASON_MARKS, found->marks, found->blocks_per_mark, found->bytes_per_mark);
	if (r.n && found->finding == FINDING_YOUNG)
		return; /* that says it all */
	if (state == VERDICT_LEAK || state == VERDICT_GROWTH)
		suspicion(&r, found, (double)age_ns * NS, (double)hold_ns * NS);
	else
		innocence(&r, found);
}
