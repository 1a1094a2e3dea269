/*
 * Tests of detector/trend against values worked out by hand, and by its own symmetry.
 */
#include "detector/trend.h"
#include "tests/unit/check.h"

static void z_of_ranks(void)
{
	static const double up[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, ties[] = {1, 1, 2, 2, 3, 3}, flat[] = {5, 5, 5, 5};
	double down[10];

	for (unsigned i = 0; i < 10; i++)
		down[i] = -up[i];
	CHECK_NEAR(trend_z(up, 10), 44 / sqrt(125), 1e-12); /* S 45, variance 10 9 25 / 18 */
	CHECK_NEAR(trend_z(down, 10), -44 / sqrt(125), 1e-12);
	CHECK_NEAR(trend_z(ties, 6), 11 / sqrt((6 * 5 * 17 - 3 * 2 * 1 * 9) / 18.0), 1e-12);
	CHECK_NEAR(trend_z(flat, 4), 0, 0);
	CHECK_NEAR(trend_z(up, 2), 0, 0);
}

static struct trend_points line(unsigned n, double slope)
{
	struct trend_points points = {.n = n};

	for (unsigned i = 0; i < n; i++) {
		points.x[i] = i;
		points.y[i] = slope * i;
	}
	return points;
}

static void slopes(void)
{
	struct trend_points points = line(24, 3);
	struct trend_slope s;

	points.y[5] += 1000; /* outliers do not matter */
	points.y[17] -= 500;
	s = trend_sen(&points);
	CHECK_NEAR(s.slope, 3, 1e-9);
	CHECK(s.low <= 3 && s.high >= 3);
	CHECK_NEAR(trend_scatter(&points, s.slope), 0, 1e-9);
	points = line(1, 1);
	CHECK_NEAR(trend_sen(&points).slope, 0, 0);
	points = line(20, 2);
	for (unsigned i = 0; i < 20; i++)
		points.y[i] += i % 2 ? 1 : -1;
	CHECK_NEAR(trend_sen(&points).slope, 2, 0.1);
	CHECK_NEAR(trend_scatter(&points, 2), 1, 1e-9);
}

/* A rise under a sawtooth shows in the least of groups, and only there. */
static void groups(void)
{
	struct trend_points points = line(24, 1), clearest, merged;

	for (unsigned i = 0; i < 24; i++)
		points.y[i] += i % 3 ? 100.0 * (i % 3) : 0;
	CHECK_RANGE(trend_z(points.y, 24), -3, 2.9);
	CHECK_NEAR(trend_clearest(&points, &clearest), 27 / sqrt(8 * 7 * 21 / 18.0), 1e-9);
	CHECK_EQ(clearest.n, 8);
	CHECK_NEAR(clearest.y[7], 21, 0);
	CHECK(trend_merge(&points, 8, &merged) && !trend_merge(&points, 24, &merged));
	points = line(24, 1);
	CHECK_NEAR(trend_clearest(&points, &clearest), trend_z(points.y, 24), 1e-9);
	CHECK_EQ(clearest.n, 24);
}

int main(void)
{
	z_of_ranks();
	slopes();
	groups();
	return check_result();
}
