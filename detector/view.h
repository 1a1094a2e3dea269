/*
 * A view -- a callsite's evidence, laid out for the tests: series over the time judged, and sums over births.
 *
 * t is the time judged, as of the last walk; shares are shares of t, counted from its beginning.
 *
 * Context: any; pure. Cost: 2 us.
 */
#pragma once
#include "detector/evidence.h"
#include "detector/trend.h"

struct view {
	const struct evidence_row *row;
	const struct calendar *calendar;
	double t;			   /* ns */
	struct trend_points blocks, bytes; /* troughs of the whole epochs after the first quarter */
	/* Old blocks alive, at the walks of the later half: 0.07 t old or older by the first of them, or 0.26 t. By
	 * depth. */
	struct trend_points old[EVIDENCE_DEPTHS];
};

void view_init(struct view *view, const struct evidence_row *row, const struct calendar *calendar);

/* Blocks born between two shares of t; a cohort that lies half between counts half. */
struct births {
	double born, alive, alive_bytes;
};
struct births view_births(const struct view *view, double from, double to);
/* Where cohorts meet, as a share of t: the last such place up to `share`, or the first one after it (1 at the most). */
double view_edge(const struct view *view, double share, bool after);
/*
 * How much more the survivors crowd together than chance would have it: 1 for blocks that are born one by one, more
 * where they come in bursts; survivors over it are as good as that many single ones.
 */
double view_crowding(const struct view *view, double from, double to);
/*
 * Where the middle of the survivors' births lies between two shares of t: 0 at the first, 1 at the second; and by how
 * much a steady stream of as many would miss 0.5.
 */
double view_middle(const struct view *view, double from, double to, double *error);
/* Of the blocks alive, the share that was born before this share of t. */
double view_old_share(const struct view *view, double before);

/* Of the blocks that were old at 7t/8 or before: how many there were, how many have died since, in how long. */
struct deaths {
	double n, died, seconds; /* n 0: nothing is known */
};
struct deaths view_deaths(const struct view *view, unsigned depth);

/* At which share of a walk's time a block has to be born to be old, about. */
double view_reach(unsigned depth);
/* Live blocks by age: equal shares of t, the oldest first; elders are the oldest. */
void view_ages(const struct view *view, uint32_t *ages, unsigned n);
