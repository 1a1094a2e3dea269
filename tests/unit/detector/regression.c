/*
 * Tests of detector/regression: the documented tests of rule A and rule B.
 *
 * Rule A: 5.0 +- 0.1 MB/min is measured as such; +40 MB passes a limit of +50 MB. Rule B: flat
 * scores below 0.1, 10 MB/h 0.1 to 0.6, 60 MB/h above 0.7, falling 0, fewer than 10 samples 0;
 * the window drops the oldest.
 */
#include "detector/regression.h"
#include "tests/unit/check.h"

#define S UINT64_C(1000000000)
#define MB 1048576.0

static const struct rule_b rule_b = {10, 10 * MB, 50 * MB};
static uint64_t state = 1;

/* -1..1, uniform; the same in every run. */
static double noise(void)
{
	state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (double)(state >> 11) / (double)(UINT64_C(1) << 52) - 1;
}

/* Score of `n` samples 30 s apart in a window of 120. */
static double score(unsigned n, double start, double mb_per_hour, double noise_mb)
{
	uint64_t times[120], values[120];
	struct series_axis axis;
	struct series series;
	struct fit fit;
	unsigned i;

	series_axis_init(&axis, times, 120);
	series_init(&series, values);
	for (i = 0; i < n; i++) {
		series_axis_push(&axis, i * 30 * S);
		series_push(&series, &axis, (uint64_t)((start + mb_per_hour * i / 120 + noise_mb * noise()) * MB));
	}
	fit = series_fit(&series);
	return rule_b_score(&rule_b, &fit);
}

static void test_rule_b(void)
{
	struct fit fit = {120, 0, 1};

	CHECK_RANGE(score(120, 100, 0, 0.5), 0, 0.0999);
	CHECK_NEAR(score(120, 100, 0, 0), 0, 0);
	CHECK_RANGE(score(120, 100, 10, 0.5), 0.1, 0.6);
	CHECK_RANGE(score(120, 100, 60, 0.5), 0.7001, 1);
	CHECK_NEAR(score(120, 400, -60, 0.5), 0, 0);
	CHECK_NEAR(score(9, 100, 600, 0), 0, 0);
	CHECK_NEAR(score(10, 100, 600, 0), 1, 1e-6);
	CHECK_RANGE(score(120, 100, 60, 30), 0.1, 0.5);	  /* the same growth under noise */
	CHECK_RANGE(score(120, 4e6, 60, 0.5), 0.7001, 1); /* 4 TB */

	fit.bytes_per_hour = 10 * MB;
	CHECK_NEAR(rule_b_score(&rule_b, &fit), 0.5, 0);
	fit.bytes_per_hour = 30 * MB;
	CHECK_NEAR(rule_b_score(&rule_b, &fit), 0.75, 1e-15);
	fit.bytes_per_hour = 33 * MB;
	CHECK_NEAR(rule_b_score(&rule_b, &fit), 0.7875, 1e-15);
	fit.bytes_per_hour = 50 * MB;
	CHECK_NEAR(rule_b_score(&rule_b, &fit), 1, 1e-15);
	fit.bytes_per_hour = 5000 * MB;
	fit.r2 = 0.25;
	CHECK_NEAR(rule_b_score(&rule_b, &fit), 0.25, 1e-15);
}

static void test_odd_thresholds(void)
{
	static const struct rule_b odd[] = {
		{10, 0, 50 * MB}, {10, 0, 0}, {10, 50 * MB, 10 * MB}, {10, 10 * MB, 10 * MB}};
	struct fit fit = {120, 0, 1};
	unsigned i;

	for (i = 0; i < 4; i++)
		for (fit.bytes_per_hour = -1e300; fit.bytes_per_hour < 1e300; fit.bytes_per_hour += 1e299) {
			CHECK_RANGE(rule_b_score(&odd[i], &fit), 0, 1);
			struct fit zero = {120, 0, 1}, some = {120, 10 * MB, 1};

			CHECK_NEAR(rule_b_score(&odd[i], &zero), 0, 0);
			CHECK_RANGE(rule_b_score(&odd[i], &some), 0.0001, 1);
		}
}

static void test_the_window_drops_the_oldest(void)
{
	uint64_t times[120], values[120];
	struct series_axis axis;
	struct series series;
	struct fit fit;
	unsigned i;

	series_axis_init(&axis, times, 120);
	series_init(&series, values);
	for (i = 0; i < 240; i++) { /* an hour of growth, then an hour of none */
		series_axis_push(&axis, i * 30 * S);
		series_push(&series, &axis, (uint64_t)(MB * (i < 120 ? i : 120)));
		fit = series_fit(&series);
		if (i == 119)
			CHECK_NEAR(rule_b_score(&rule_b, &fit), 1, 1e-9);
	}
	CHECK_EQ(fit.n, 120);
	CHECK_NEAR(rule_b_score(&rule_b, &fit), 0, 0);
}

/* RSS in MB at a time in s: 300 MB, then from 400 s on as many MB a minute. */
static struct rule_a *run(double interval, double seconds, double mb_per_minute, double noise_mb)
{
	static struct rule_a a;
	double t;

	rule_a_init(&a, 10);
	for (t = 0; t <= seconds; t += interval)
		rule_a_sample(&a, (uint64_t)(t * 1e9),
			      (uint64_t)(MB * (300 + t * mb_per_minute / 60 + noise_mb * noise())), (uint64_t)MB);
	return &a;
}

static double rate(const struct rule_a *a)
{
	return rule_a_fit(a).bytes_per_hour / 60 / MB;
}

static void test_rule_a_rate(void)
{
	static const double intervals[] = {0.01, 0.9, 1, 5, 10, 30, 60, 290, 400, 1200};
	unsigned i;

	for (i = 0; i < sizeof(intervals) / sizeof(intervals[0]); i++) {
		CHECK_NEAR(rate(run(intervals[i], 3600 + 12 * intervals[i], 5, intervals[i] < 100 ? 0.3 : 0)), 5, 0.1);
		CHECK(rule_a_covered(run(intervals[i], 3600 + 12 * intervals[i], 5, 0)));
	}
	CHECK_NEAR(rate(run(30, 3600, 0, 0)), 0, 0);
	CHECK_NEAR(rate(run(30, 3600, -5, 0)), -5, 0.1);
	CHECK(!rule_a_covered(run(30, 10 * 30 + 599, 5, 0)));
	CHECK(rule_a_covered(run(30, 10 * 30 + 600, 5, 0)));
	CHECK(!rule_a_covered(run(30, 200, 5, 0)));
	CHECK(rate(run(30, 200, 5, 0)) == 0);
}

static void test_rule_a_forgets_after_ten_minutes(void)
{
	struct rule_a *a = run(30, 3600, 60, 0);
	unsigned i;

	for (i = 1; i <= 21; i++)
		rule_a_sample(a, (3600 + 30 * i) * S, (uint64_t)(3900 * MB), 0);
	CHECK_NEAR(rate(a), 0, 0);
	CHECK_EQ(rule_a_fit(a).n, 21);
}

static void test_baseline(void)
{
	struct rule_a a;
	uint64_t rss = 1, live = 2, i;

	rule_a_init(&a, 10);
	for (i = 0; i < 19; i++) {
		rule_a_sample(&a, i * S, i < 10 ? 5 : 100 + i, i < 10 ? 5 : 50); /* ten of warm-up, ten that count */
		CHECK(!rule_a_baseline(&a, &rss, &live));
	}
	CHECK(rss == 1 && live == 2);
	for (; i < 40; i++)
		rule_a_sample(&a, i * S, 100 + i, 50);
	CHECK(rule_a_baseline(&a, &rss, &live));
	CHECK_EQ(rss, 114); /* 110..119: 114.5 */
	CHECK_EQ(live, 50);
}

static void test_time_to_limit(void)
{
	CHECK_NEAR(rule_a_time_to_limit((uint64_t)(600 * MB), (uint64_t)(700 * MB), 1200 * MB), 300, 1e-9);
	CHECK_NEAR(rule_a_time_to_limit(700, 700, -5), 0, 0);
	CHECK_NEAR(rule_a_time_to_limit(800, 700, -5), 0, 0);
	CHECK_NEAR(rule_a_time_to_limit(600, 700, 0), -1, 0);
	CHECK_NEAR(rule_a_time_to_limit(600, 700, -1), -1, 0);
	CHECK_NEAR(rule_a_time_to_limit(600, 0, 5), -1, 0);
	CHECK(isfinite(rule_a_time_to_limit(0, UINT64_MAX, 1e-280)));
}

int main(void)
{
	test_rule_b();
	test_odd_thresholds();
	test_the_window_drops_the_oldest();
	test_rule_a_rate();
	test_rule_a_forgets_after_ten_minutes();
	test_baseline();
	test_time_to_limit();
	return check_result();
}
