/*
 * Findings: the tests. See finding.h.
 */
#include "detector/finding.h"
#include "detector/elementary.h"
#include "detector/reason.h"
#include "detector/thresholds.h"
#include "detector/trend.h"
#include <string.h>

#define NS 1e-9
#define PER_HOUR 3600e9
#define WILSON_Z 1.96

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
static bool rises(struct view *v, struct finding *f)
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
static bool turns_over(const struct view *v, struct finding *f)
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
static bool decelerates(const struct view *v, struct finding *f)
{
	double by_birth, kept = f->births > 0 ? f->survivors / f->births : 1;

	f->deceleration = v->early > 0 ? (float)(v->late / v->early) : 1;
	by_birth = v->late_born > 0 ? v->early_born / v->late_born : 1;
	return ratio_upper(v->late, v->early, 1) < DECELERATION &&
	       (kept > KEPT_ALL || ratio_upper(v->late, v->early, by_birth) < DECELERATION);
}

/* E6 */
static bool is_full(const struct view *v, struct finding *f)
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

static void measure_rate(const struct view *v, struct finding *f)
{
	struct trend_slope s = trend_sen(&v->bytes);

	f->rate = (float)(s.slope * PER_HOUR);
	f->rate_low = (float)(s.low * PER_HOUR);
	f->rate_high = (float)(s.high * PER_HOUR);
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
static bool follow_blocks(const struct view *v, const struct finding *f)
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
static bool bytes_grow(struct view *v, struct finding *f, double material)
{
	double eighth = bytes_at(v, 0.125), quarter = bytes_at(v, 0.25), half = bytes_at(v, 0.5);
	double end = bytes_at(v, 1), d1 = end - half, d2 = half - quarter, d3 = quarter - eighth, exponent;
	unsigned levels = levels_since(v, 0.125);

	if (d1 <= 0 || d2 <= 0 || d3 <= 0 || levels < BYTES_LEVELS || end - quarter < material || follow_blocks(v, f))
		return false;
	exponent = (elementary_log(d1 / d2) + elementary_log(d2 / d3)) / 2 / elementary_log(2);
	if (exponent < BYTES_EXPONENT || (end <= bytes_at(v, MATURE_SHARE) && levels >= BYTES_LEVELS_MANY))
		return false;
	f->rise = (float)(end - quarter);
	f->z = (float)trend_clearest(&v->bytes, &v->clear);
	f->p_value = (float)elementary_normal_tail(f->z);
	return true;
}

static enum finding_kind judge_blocks(struct view *v, struct finding *f, const struct findings *findings)
{
	double material = findings->at_end ? SURVIVOR_BYTES_END : SURVIVOR_BYTES_RUNNING;

	if (!rises(v, f))
		return FINDING_FLAT;
	if (f->survivors < SURVIVOR_BLOCKS)
		return f->survivors > 0 ? FINDING_MINOR : FINDING_LOAD;
	if (f->survivors * mean_size(v->row) < material)
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

void findings_begin(struct findings *findings, const struct options *options, bool at_end)
{
	*findings = (struct findings){.at_end = at_end, .hold_ns = options->hold};
}

void finding_judge(struct evidence_row *row, const struct calendar *calendar, struct findings *findings)
{
	struct view v = {.row = row, .calendar = calendar, .t = (double)(calendar->walk_ns - calendar->begin_ns)};
	struct finding *f = &row->found, was = *f;
	double material = findings->at_end ? SURVIVOR_BYTES_END : SURVIVOR_BYTES_RUNNING;
	unsigned bin;

	*f = (struct finding){.in_a_row = was.in_a_row, .state = was.state};
	if (!calendar->walk_ns || calendar->epoch < EPOCH_LEAST)
		return;
	gather_troughs(&v);
	gather_cohorts(&v);
	f->survivors = (float)(v.early + v.late);
	f->births = (float)(v.early_born + v.late_born);
	f->kind = (uint8_t)judge_blocks(&v, f, findings);
	if ((f->kind == FINDING_FLAT || f->kind == FINDING_MINOR) && bytes_grow(&v, f, material))
		f->kind = FINDING_BYTES;
	if (f->kind != FINDING_FLAT)
		measure_rate(&v, f);
	if (f->survivors < SURVIVOR_BLOCKS)
		return;
	findings->n_candidates++;
	bin = f->z < TREND_Z ? FINDINGS_BINS : (unsigned)((f->z - TREND_Z) * 10);
	if (f->z >= TREND_Z)
		findings->by_z[bin < FINDINGS_BINS ? bin : FINDINGS_BINS - 1]++;
}

/* Of those at or above z, q n p(z) are expected by chance; the least z at which these are few enough is the cut. */
void findings_sift(struct findings *findings)
{
	uint32_t at_least = 0;

	findings->z_cut = TREND_Z + FINDINGS_BINS / 10.0;
	for (unsigned i = FINDINGS_BINS; i-- > 0;) {
		double z = TREND_Z + i / 10.0;

		at_least += findings->by_z[i];
		if (elementary_normal_tail(z) * findings->n_candidates <= DISCOVERY_RATE * at_least)
			findings->z_cut = z;
	}
}

enum verdict_state finding_state(const struct finding *found)
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

	return found->kind < N_FINDINGS ? (enum verdict_state)states[found->kind] : VERDICT_INCONCLUSIVE;
}

static bool is_bad(enum verdict_state state)
{
	return state == VERDICT_LEAK || state == VERDICT_GROWTH;
}

enum verdict_state finding_verdict(struct evidence_row *row, const struct calendar *calendar, struct findings *findings)
{
	struct finding *f = &row->found;
	enum verdict_state state = finding_state(f);

	if (is_bad(state) && f->kind != FINDING_BYTES && f->z < findings->z_cut)
		state = VERDICT_INCONCLUSIVE;
	f->in_a_row = !is_bad(state) ? 0 : f->in_a_row < UINT8_MAX ? (uint8_t)(f->in_a_row + 1) : UINT8_MAX;
	if (is_bad(state) && !findings->at_end &&
	    (calendar->now_ns - calendar->begin_ns < findings->hold_ns || f->in_a_row < CONSECUTIVE)) {
		findings->n_suspects++;
		state = VERDICT_INCONCLUSIVE;
	}
	f->state = (uint8_t)state;
	findings->n[state]++;
	findings->rate[state] += f->rate;
	findings->live_bytes[state] += row->live_bytes;
	if (is_bad(state) && f->p_value > findings->p_value)
		findings->p_value = f->p_value;
	return state;
}

double finding_confidence(const struct finding *found)
{
	return found->kind == FINDING_YOUNG ? 0 : 1 - (double)found->p_value;
}

void finding_share(const struct finding *found, double *share, double *low, double *high)
{
	double n = found->births > found->survivors ? found->births : found->survivors, z2 = WILSON_Z * WILSON_Z;
	double p = n > 0 ? found->survivors / n : 0, middle, half;

	middle = n > 0 ? (p + z2 / (2 * n)) / (1 + z2 / n) : 0.5;
	half = n > 0 ? WILSON_Z * elementary_sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n) : 0.5;
	*share = p;
	*low = middle - half > 0 ? middle - half : 0;
	*high = middle + half < 1 ? middle + half : 1;
}
