/*
 * Trends. See trend.h.
 */
#include "detector/trend.h"
#include "detector/elementary.h"
#include "detector/thresholds.h"

#define PAIRS (TREND_POINTS * (TREND_POINTS - 1) / 2)

/* Heap sort: no recursion, no memory. */
static void sift(double *v, unsigned root, unsigned n)
{
	double value = v[root];
	unsigned child;

	while ((child = 2 * root + 1) < n) {
		if (child + 1 < n && v[child + 1] > v[child])
			child++;
		if (v[child] <= value)
			break;
		v[root] = v[child];
		root = child;
	}
	v[root] = value;
}

static void sort(double *v, unsigned n)
{
	for (unsigned i = n / 2; i-- > 0;)
		sift(v, i, n);
	for (unsigned end = n; end-- > 1;) {
		double greatest = v[0];

		v[0] = v[end];
		v[end] = greatest;
		sift(v, 0, end);
	}
}

static double variance(double n)
{
	return n * (n - 1) * (2 * n + 5) / 18;
}

double trend_z(const double *y, unsigned n)
{
	double sorted[TREND_POINTS], s = 0, var = variance(n);

	if (n < 3 || n > TREND_POINTS)
		return 0;
	for (unsigned i = 0; i < n; i++) {
		sorted[i] = y[i];
		for (unsigned j = i + 1; j < n; j++)
			s += (y[j] > y[i]) - (y[j] < y[i]);
	}
	sort(sorted, n);
	for (unsigned i = 0, j; i < n; i = j) {
		for (j = i; j < n && sorted[j] <= sorted[i]; j++)
			;
		var -= variance(j - i);
	}
	if (var <= 0 || (s < 1 && s > -1))
		return 0;
	return (s > 0 ? s - 1 : s + 1) / elementary_sqrt(var);
}

bool trend_merge(const struct trend_points *points, unsigned groups, struct trend_points *merged)
{
	if (points->n <= groups)
		return false;
	merged->n = groups;
	for (unsigned g = 0; g < groups; g++) {
		unsigned i = g * points->n / groups, end = (g + 1) * points->n / groups;

		merged->x[g] = (points->x[i] + points->x[end - 1]) / 2;
		merged->y[g] = points->y[i];
		for (; i < end; i++)
			if (points->y[i] < merged->y[g])
				merged->y[g] = points->y[i];
	}
	return true;
}

double trend_clearest(const struct trend_points *points, struct trend_points *clearest)
{
	static const unsigned groups[] = {12, TREND_GROUPS};
	double best = trend_z(points->y, points->n), z;
	struct trend_points merged;

	*clearest = *points;
	for (unsigned i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		if (trend_merge(points, groups[i], &merged) && (z = trend_z(merged.y, merged.n)) > best) {
			best = z;
			*clearest = merged;
		}
	return best;
}

static double at(const double *sorted, unsigned n, double place)
{
	if (place < 0)
		place = 0;
	return sorted[place < n - 1 ? (unsigned)place : n - 1];
}

struct trend_slope trend_sen(const struct trend_points *points)
{
	double slopes[PAIRS], half;
	unsigned n = 0;

	for (unsigned i = 0; i < points->n; i++)
		for (unsigned j = i + 1; j < points->n; j++)
			if (points->x[j] > points->x[i])
				slopes[n++] = (points->y[j] - points->y[i]) / (points->x[j] - points->x[i]);
	if (!n)
		return (struct trend_slope){0};
	sort(slopes, n);
	half = INTERVAL_SIGMA * elementary_sqrt(variance(points->n)) / 2;
	return (struct trend_slope){
		.slope = (slopes[(n - 1) / 2] + slopes[n / 2]) / 2,
		.low = at(slopes, n, n / 2.0 - half),
		.high = at(slopes, n, n / 2.0 + half),
	};
}

static double median(double *v, unsigned n)
{
	sort(v, n);
	return n ? (v[(n - 1) / 2] + v[n / 2]) / 2 : 0;
}

double trend_scatter(const struct trend_points *points, double slope)
{
	double rest[TREND_POINTS], middle;

	for (unsigned i = 0; i < points->n; i++)
		rest[i] = points->y[i] - slope * points->x[i];
	middle = median(rest, points->n);
	for (unsigned i = 0; i < points->n; i++) {
		rest[i] = points->y[i] - slope * points->x[i] - middle;
		rest[i] = rest[i] < 0 ? -rest[i] : rest[i];
	}
	return median(rest, points->n);
}
