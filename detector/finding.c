/*
 * Findings: the tests. See finding.h.
 */
#include "detector/finding.h"
#include "detector/bytes.h"
#include "detector/elementary.h"
#include "detector/marks.h"
#include "detector/rate.h"
#include "detector/reason.h"
#include "detector/thresholds.h"
#include "detector/view.h"
#include <string.h>

#define NS 1e-9

/* One way to look: at a series that has to rise, and at the births of some part of the time. */
struct channel {
	const struct trend_points *series;
	double from, to; /* mature births: shares of t */
	double middle;	 /* between the earlier half and the later, which ends at MATURE_SHARE */
	unsigned depth;	 /* of the old blocks that must not die */
	double reach;	 /* a point of the series at time x tells of births before reach * x */
};

/* What the tests of a channel share. */
struct trial {
	const struct view *view;
	const struct channel *channel;
	struct trend_points clear; /* the series, as its trend shows clearest */
	struct births early, late, mature;
	double crowding;
	bool all_kept; /* nearly all of the mature births */
};

/* E1. False: there is no rise. */
static bool rises(struct trial *t, struct wire_evidence *f)
{
	if (t->channel->series->n < 3)
		return false;
	f->z = (float)trend_clearest(t->channel->series, &t->clear);
	f->rise = (float)(t->clear.y[t->clear.n - 1] - t->clear.y[0]);
	f->p_value = (float)elementary_normal_tail(f->z);
	return f->z >= TREND_Z && f->rise >= TREND_BLOCKS;
}

/* E3 */
static bool is_step(const struct trial *t)
{
	struct trend_points merged;
	/* Where nothing is freed there is no noise to get rid of, and few troughs tell more than fewer. */
	bool many = (t->channel->series->n >= 2 * TREND_GROUPS || !t->all_kept) &&
		    trend_merge(t->channel->series, TREND_GROUPS, &merged);
	const struct trend_points *m = many ? &merged : t->channel->series;
	double greatest = 0, rise = m->y[m->n - 1] - m->y[0];

	for (unsigned i = 1; i < m->n; i++)
		if (m->y[i] - m->y[i - 1] > greatest)
			greatest = m->y[i] - m->y[i - 1];
	return greatest > STEP_SHARE * rise;
}

/* E3: is it a few bursts? Where nearly all survive, the young ones count too. */
static bool is_few_bursts(const struct trial *t)
{
	if (!t->all_kept)
		return t->mature.alive < SURVIVOR_BURSTS * t->crowding;
	return view_births(t->view, WARM_UP_SHARE, 1).alive < KEPT_BURSTS * view_crowding(t->view, WARM_UP_SHARE, 1);
}

/* E4, those that were old: blocks that live without memory, of which as many survive as did, die at a rate that
 * follows.
 */
static bool old_ones_die(const struct trial *t, struct wire_evidence *f)
{
	struct deaths deaths = view_deaths(t->view, t->channel->depth);
	double kept = t->mature.born > t->mature.alive ? t->mature.alive / t->mature.born : 1;
	double age = (1 - (t->channel->from + t->channel->to) / 2) * t->view->t * NS, memoryless;

	f->hazard = (float)((deaths.died + 0.5) / (deaths.n + 1));
	f->hazard_s = (float)deaths.seconds;
	if (deaths.died >= HAZARD_DEATHS && f->hazard > HAZARD_SHARE)
		return true;
	if (t->all_kept)
		return false;
	memoryless = deaths.n * (1 - elementary_exp(elementary_log(kept) * deaths.seconds / age));
	return (deaths.died >= HAZARD_DEATHS && deaths.died > HAZARD_OF_MEMORYLESS * memoryless) ||
	       memoryless - deaths.died <= HAZARD_SIGMA * elementary_sqrt(t->crowding * memoryless);
}

/* E4, those that die: they do not when they are young, so the others may yet. */
static bool young_ones_live(const struct trial *t)
{
	const struct channel *c = t->channel;
	struct births young = view_births(t->view, c->to, 1);
	double age_of_young = (1 - c->to) / 2, age_of_mature = 1 - (c->from + c->to) / 2;

	if (t->all_kept || young.born <= 0)
		return false;
	return (young.born - young.alive) / young.born <
	       HAZARD_YOUNG * age_of_young / age_of_mature * (t->mature.born - t->mature.alive) / t->mature.born;
}

/* Upper bound of the ratio of two rates: so many, in (or among) so much. */
static double ratio_upper(double later, double in_later, double earlier, double in_earlier, double crowding)
{
	if (earlier <= 0)
		return 1e9; /* nothing to compare with */
	if (in_later <= 0)
		return 0;
	if (later <= 0)
		return NONE_UPPER * crowding / in_later * in_earlier / earlier;
	return later / earlier * in_earlier / in_later *
	       elementary_exp(DECELERATION_SIGMA * elementary_sqrt(crowding / later + crowding / earlier));
}

/* Does clearly less of the later births survive than of the earlier: for the time, and for what was born? */
static bool drops(const struct trial *t, const struct births *later, double later_share, const struct births *earlier,
		  double earlier_share)
{
	return ratio_upper(later->alive, later_share, earlier->alive, earlier_share, t->crowding) < DECELERATION &&
	       (t->all_kept ||
		ratio_upper(later->alive, later->born, earlier->alive, earlier->born, t->crowding) < DECELERATION);
}

/* E5 */
static bool decelerates(const struct trial *t, struct wire_evidence *f)
{
	const struct channel *c = t->channel;
	double later = MATURE_SHARE - c->middle, earlier = c->middle - c->from;

	f->deceleration = t->early.alive > 0 ? (float)(t->late.alive / t->early.alive * earlier / later) : 1;
	if (t->all_kept) {
		double error, middle = view_middle(t->view, WARM_UP_SHARE, 1, &error);

		return middle + MIDDLE_SIGMA * error < MIDDLE_OF_BIRTHS;
	}
	return drops(t, &t->late, later, &t->early, earlier);
}

/* How far a series falls below what it has been: 0 for one that only rises. */
static double greatest_fall(const struct trend_points *m)
{
	double highest = m->y[0], fall = 0;

	for (unsigned i = 1; i < m->n; i++) {
		if (m->y[i] > highest)
			highest = m->y[i];
		if (highest - m->y[i] > fall)
			fall = highest - m->y[i];
	}
	return fall;
}

/* E6, of old blocks: they get more, but all blocks together do not. */
static bool is_pinned(const struct trial *t)
{
	const struct trend_points *all = &t->view->blocks, *old = t->channel->series;
	double least = 0, most = 0;
	bool begun = false;

	if (old == all)
		return false;
	for (unsigned i = 0; i < all->n; i++) {
		if (all->x[i] < OLD_SINCE * t->view->t)
			continue;
		least = begun && least < all->y[i] ? least : all->y[i];
		most = begun && most > all->y[i] ? most : all->y[i];
		begun = true;
	}
	return most - least < PLATEAU_SHARE * (old->y[old->n - 1] - old->y[0]);
}

/* E6 */
static bool is_full(const struct trial *t, struct wire_evidence *f)
{
	const struct trend_points *m = &t->clear;
	double scatter = trend_scatter(m, trend_sen(m).slope), fall = greatest_fall(m), promised, rise;
	double reach = t->channel->reach / t->view->t;
	struct births tail = view_births(t->view, MATURE_SHARE, 1);
	unsigned last = m->n - 1, i = last;

	if (!t->all_kept && drops(t, &tail, 1 - MATURE_SHARE, &t->mature, t->channel->to - t->channel->from))
		return true;
	while (i > 0 && m->x[i] > MATURE_SHARE * t->view->t)
		i--;
	if (scatter > fall)
		scatter = fall;
	rise = m->y[last] - m->y[i];
	promised = t->mature.alive / (t->mature.born > t->mature.alive ? t->mature.born : t->mature.alive) *
		   view_births(t->view, reach * m->x[i], reach * m->x[last]).born;
	f->tail = promised > 0 ? (float)(rise / promised) : 0;
	if (!t->all_kept && promised < 1)
		return false; /* the load is gone, so nothing more can be lost */
	return rise + scatter < PLATEAU_SHARE * promised || rise + PLATEAU_SIGMA * scatter <= 0;
}

static enum finding_kind judge_channel(const struct view *view, const struct channel *channel, struct wire_evidence *f)
{
	struct trial t = {.view = view, .channel = channel};

	t.early = view_births(view, channel->from, channel->middle);
	t.late = view_births(view, channel->middle, MATURE_SHARE);
	t.mature = view_births(view, channel->from, channel->to);
	t.all_kept = t.mature.alive >= KEPT_ALL * t.mature.born;
	f->survivors = (float)t.mature.alive;
	f->births = (float)t.mature.born;
	f->survivor_bytes = (float)t.mature.alive_bytes;
	if (!rises(&t, f))
		return FINDING_FLAT;
	if (f->survivors < SURVIVOR_BLOCKS)
		return f->survivors > 0 ? FINDING_MINOR : FINDING_LOAD;
	if (f->survivor_bytes < SURVIVOR_BYTES)
		return FINDING_MINOR;
	t.crowding = view_crowding(view, channel->from, channel->to);
	if (is_step(&t) || is_few_bursts(&t))
		return FINDING_STEP;
	if (old_ones_die(&t, f) || young_ones_live(&t))
		return FINDING_TURNOVER;
	if (t.late.alive <= 0 || decelerates(&t, f))
		return FINDING_DECELERATING;
	if (is_pinned(&t) || is_full(&t, f))
		return FINDING_PLATEAU;
	return t.all_kept ? FINDING_GROWTH : FINDING_LEAK;
}

/*
 * Channels. What is born and freed within a short time may hide a small share that stays: then the troughs do not
 * show it, but the old blocks do, whose number rises. And where a cache keeps its blocks for a time, only those that
 * are older than that show it. That a callsite which frees nothing grows, its troughs show best.
 */
static void judge_blocks(const struct view *v, struct wire_evidence *f)
{
	double half = view_reach(1);
	const struct channel channels[] = {
		{&v->blocks, WARM_UP_SHARE, MATURE_SHARE, 0.5, 0, 1},
		{&v->old[0], WARM_UP_SHARE, MATURE_SHARE, 0.5, 0, view_reach(0)},
		{&v->old[1], WARM_UP_SHARE, half, half, 1, half},
	};
	struct wire_evidence found;

	f->finding = (uint8_t)judge_channel(v, &channels[0], f);
	rate_measure(v, view_reach(0), f);
	if (f->finding == FINDING_LEAK || f->finding == FINDING_GROWTH || f->finding == FINDING_DECELERATING)
		return;
	for (unsigned i = 1; i < sizeof(channels) / sizeof(channels[0]); i++) {
		found = *f;
		found.finding = (uint8_t)judge_channel(v, &channels[i], &found);
		if (found.finding != FINDING_LEAK)
			continue;
		rate_measure(v, channels[i].reach, &found);
		*f = found;
		return;
	}
}

void finding_judge(struct evidence_row *row, const struct calendar *calendar)
{
	struct wire_evidence *f = &row->found, was = *f;
	struct view view;

	*f = (struct wire_evidence){.callsite = was.callsite,
				    .state = was.state,
				    .in_a_row = was.in_a_row,
				    .marks = was.marks,
				    .blocks_per_mark = was.blocks_per_mark,
				    .bytes_per_mark = was.bytes_per_mark};
	if (!calendar->walk_ns)
		return;
	view_init(&view, row, calendar);
	f->age_s = (float)(view.t * NS);
	f->live_blocks = row->live_blocks;
	f->epochs = calendar->epoch;
	view_ages(&view, f->ages, sizeof(f->ages) / sizeof(f->ages[0]));
	if (calendar->epoch < EPOCH_LEAST)
		return;
	judge_blocks(&view, f);
	if ((f->finding == FINDING_FLAT || f->finding == FINDING_MINOR) && bytes_grow(&view, f))
		f->finding = FINDING_BYTES;
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
	double n = found->births > found->survivors ? found->births : found->survivors,
	       z2 = WILSON_SIGMA * WILSON_SIGMA;
	double p = n > 0 ? found->survivors / n : 0, middle, half;

	middle = n > 0 ? (p + z2 / (2 * n)) / (1 + z2 / n) : 0.5;
	half = n > 0 ? WILSON_SIGMA * elementary_sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n) : 0.5;
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
	if (held)
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
