/*
 * A view. See view.h.
 */
#include "detector/view.h"
#include "detector/elementary.h"
#include "detector/thresholds.h"
#include <string.h>

#define NS 1e-9

static void add_point(struct trend_points *points, double x, double y)
{
	if (points->n == TREND_POINTS)
		return;
	points->x[points->n] = x;
	points->y[points->n++] = y;
}

static void gather_troughs(struct view *v)
{
	double length = (double)calendar_epoch_length(v->calendar);

	for (uint32_t i = 0; i < v->calendar->epoch; i++) {
		if (i * length < WARM_UP_SHARE * v->t || v->row->trough_blocks[i] == EVIDENCE_UNREAD)
			continue;
		add_point(&v->blocks, (i + 0.5) * length, v->row->trough_blocks[i]);
		add_point(&v->bytes, (i + 0.5) * length, (double)v->row->trough_bytes[i]);
	}
}

static double walk_time(const struct view *v, uint32_t number)
{
	uint64_t walk = v->calendar->cohort_walk_ns[number % CALENDAR_COHORTS];

	return walk ? (double)walk : -1;
}

static void gather_old(struct view *v, unsigned depth)
{
	uint32_t first = calendar_oldest(v->calendar), last = v->calendar->cohort;

	for (uint32_t i = first; i != last + 1; i++) {
		uint32_t old = v->row->cohorts[i % CALENDAR_COHORTS].old[depth];
		double time = walk_time(v, i);

		if (old != EVIDENCE_UNREAD && time >= OLD_SINCE * v->t)
			add_point(&v->old[depth], time, old);
	}
	if (!v->old[depth].n || v->old[depth].x[v->old[depth].n - 1] < v->t)
		add_point(&v->old[depth], v->t,
			  (double)evidence_alive_before(v->row, v->calendar, last - evidence_depths[depth]));
}

void view_init(struct view *v, const struct evidence_row *row, const struct calendar *calendar)
{
	memset(v, 0, sizeof(*v));
	v->row = row;
	v->calendar = calendar;
	v->t = (double)calendar->walk_ns;
	gather_troughs(v);
	for (unsigned depth = 0; depth < EVIDENCE_DEPTHS; depth++)
		gather_old(v, depth);
}

/* How much of a cohort lies between two shares of t, in ns; *width: how long it is. */
static double overlap(const struct view *v, uint32_t number, double from, double to, double *width)
{
	double begin = (double)calendar_cohort_begin(v->calendar, number);
	double end = (double)calendar_cohort_end(v->calendar, number);
	double low = from * v->t > begin ? from * v->t : begin, high = to * v->t < end ? to * v->t : end;

	*width = end - begin;
	return high > low ? high - low : 0;
}

struct births view_births(const struct view *v, double from, double to)
{
	struct births births = {0};

	for (uint32_t i = calendar_oldest(v->calendar); i != v->calendar->cohort + 1; i++) {
		const struct evidence_cohort *c = &v->row->cohorts[i % CALENDAR_COHORTS];
		double width, inside = overlap(v, i, from, to, &width), share = width > 0 ? inside / width : 0;

		births.born += share * c->born;
		births.alive += share * c->alive;
		births.alive_bytes += share * (double)c->alive_bytes;
	}
	return births;
}

double view_edge(const struct view *v, double share, bool after)
{
	double edge = 0;

	for (uint32_t i = calendar_oldest(v->calendar); i != v->calendar->cohort + 1; i++) {
		double end = (double)calendar_cohort_end(v->calendar, i) / v->t;

		if (end > share)
			return after && end < 1 ? end : after ? 1 : edge;
		edge = end;
	}
	return after ? 1 : edge;
}

/* Each cohort against the next, so that a slow change of the rate does not count: chi square, of one degree of freedom.
 */
double view_crowding(const struct view *v, double from, double to)
{
	double sum = 0, alive, before = 0, inside, inside_before = 0, width, difference;
	unsigned n = 0;

	for (uint32_t i = calendar_oldest(v->calendar); i != v->calendar->cohort + 1; i++) {
		inside = overlap(v, i, from, to, &width);
		alive = inside > 0 ? inside / width * v->row->cohorts[i % CALENDAR_COHORTS].alive : 0;
		if (inside > 0 && inside_before > 0 && alive + before > 0) {
			difference = alive * inside_before - before * inside;
			sum += difference * difference / ((alive + before) * inside * inside_before);
			n++;
		}
		before = alive;
		inside_before = inside;
	}
	return n && sum > n ? sum / n : 1;
}

double view_middle(const struct view *v, double from, double to, double *error)
{
	double sum = 0, alive = 0, here, width, inside, begin, middle;

	for (uint32_t i = calendar_oldest(v->calendar); i != v->calendar->cohort + 1; i++) {
		inside = overlap(v, i, from, to, &width);
		if (inside <= 0)
			continue;
		begin = (double)calendar_cohort_begin(v->calendar, i);
		middle = (begin > from * v->t ? begin : from * v->t) + inside / 2;
		here = inside / width * v->row->cohorts[i % CALENDAR_COHORTS].alive;
		sum += here * (middle / v->t - from) / (to - from);
		alive += here;
	}
	*error = alive > 0 ? elementary_sqrt(view_crowding(v, from, to) / (12 * alive)) : 1;
	return alive > 0 ? sum / alive : 0.5;
}

double view_old_share(const struct view *v, double before)
{
	double old = v->row->elders, all = v->row->elders + view_births(v, 0, 1).alive;

	old += view_births(v, 0, before).alive;
	return all > 0 ? old / all : 0;
}

struct deaths view_deaths(const struct view *v, unsigned depth)
{
	for (uint32_t i = v->calendar->cohort; i != calendar_oldest(v->calendar) - 1; i--) {
		uint32_t old = v->row->cohorts[i % CALENDAR_COHORTS].old[depth];
		double time = walk_time(v, i), alive;

		if (old == EVIDENCE_UNREAD || time < 0 || time > HAZARD_BEGIN * v->t)
			continue;
		alive = (double)evidence_alive_before(v->row, v->calendar, i - evidence_depths[depth]);
		return (struct deaths){old, old > alive ? old - alive : 0, (v->t - time) * NS};
	}
	return (struct deaths){0};
}

double view_reach(unsigned depth)
{
	double reach = 1;

	for (uint32_t i = 0; i < evidence_depths[depth]; i++)
		reach *= COHORT_SHARE / (COHORT_SHARE + 1.0);
	return reach;
}

void view_ages(const struct view *v, uint32_t *ages, unsigned n)
{
	memset(ages, 0, n * sizeof(*ages));
	ages[0] = v->row->elders;
	for (uint32_t i = calendar_oldest(v->calendar); i != v->calendar->cohort + 1; i++) {
		double begin = (double)calendar_cohort_begin(v->calendar, i);
		double end = (double)calendar_cohort_end(v->calendar, i);
		unsigned age = (unsigned)((begin + end) / 2 * n / v->t);

		ages[age < n ? age : n - 1] += v->row->cohorts[i % CALENDAR_COHORTS].alive;
	}
}
