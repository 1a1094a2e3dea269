/*
 * Trends -- of a few values at rising times: rank statistics, so that no outlier and no shape of noise matters.
 *
 * Context: any; pure. Cost: microseconds.
 */
#pragma once
#include <stdbool.h>

#define TREND_POINTS 32u

struct trend_points {
	unsigned n;
	double x[TREND_POINTS], y[TREND_POINTS];
};

/* Mann and Kendall's z of the first n values, corrected for ties; 0 where there is nothing to tell. */
double trend_z(const double *y, unsigned n);
/*
 * The view of the points that shows the clearest trend: they themselves, or the least of each of 12 or of 8 groups of
 * neighbours (what swings faster than a group is wide is gone). Returns its z.
 */
#define TREND_GROUPS 8u
double trend_clearest(const struct trend_points *points, struct trend_points *clearest);

/* The least of each of n groups of neighbours. False: there are not more points than that. */
bool trend_merge(const struct trend_points *points, unsigned n, struct trend_points *merged);

struct trend_slope {
	double slope, low, high; /* Theil and Sen's median; its 80 % interval */
};
struct trend_slope trend_sen(const struct trend_points *points);
/* Median distance of the points from Theil and Sen's line. */
double trend_scatter(const struct trend_points *points, double slope);
