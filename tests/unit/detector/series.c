/*
 * Tests of detector/series: sliding sums equal a two-pass reference at any moment, at any size.
 */
#include "detector/series.h"
#include "tests/unit/check.h"

#define LONGEST 200
#define S UINT64_C(1000000000)

static uint64_t times[LONGEST], values[LONGEST], values2[LONGEST];
static struct series_axis axis;
static struct series series;

static void begin(uint32_t capacity)
{
	series_axis_init(&axis, times, capacity);
	series_init(&series, values);
}

static struct fit push(uint64_t time_ns, uint64_t value)
{
	series_axis_push(&axis, time_ns);
	series_push(&series, &axis, value);
	return series_fit(&series);
}

/* Means first, then deviations, as a textbook has it; x in microseconds. */
static struct fit reference(const uint64_t *x, const uint64_t *y, uint32_t n)
{
	long double mean_x = 0, mean_y = 0, xx = 0, xy = 0, yy = 0;
	struct fit fit = {n, 0, 0};
	uint32_t i;

	for (i = 0; i < n; i++) {
		mean_x += (long double)(x[i] - x[0]) / n;
		mean_y += (long double)(int64_t)(y[i] - y[0]) / n;
	}
	for (i = 0; i < n; i++) {
		long double dx = (long double)(x[i] - x[0]) - mean_x;
		long double dy = (long double)(int64_t)(y[i] - y[0]) - mean_y;

		xx += dx * dx;
		xy += dx * dy;
		yy += dy * dy;
	}
	if (xx > 0) {
		fit.bytes_per_hour = (double)(xy / xx * 3600e6L);
		fit.r2 = yy > 0 ? (double)(xy / xx * (xy / yy)) : 0;
	}
	return fit;
}

static void test_lines(void)
{
	struct fit fit = {0};
	uint64_t i;

	begin(120);
	for (i = 0; i < 300; i++)
		fit = push(i * 30 * S, 1000 + 5 * i * 30);
	CHECK_EQ(fit.n, 120);
	CHECK_NEAR(fit.bytes_per_hour, 5 * 3600, 1e-9);
	CHECK_NEAR(fit.r2, 1, 1e-15);
	begin(120);
	for (i = 0; i < 300; i++)
		fit = push(i * 30 * S, UINT64_C(1) << 40);
	CHECK_NEAR(fit.bytes_per_hour, 0, 0);
	CHECK_NEAR(fit.r2, 0, 0);
}

static void test_few_samples(void)
{
	struct fit fit;

	begin(5);
	fit = series_fit(&series);
	CHECK(fit.n == 0 && fit.bytes_per_hour == 0 && fit.r2 == 0);
	fit = push(S, 10);
	CHECK(fit.n == 1 && fit.bytes_per_hour == 0 && fit.r2 == 0);
	fit = push(S, 20); /* twice at the same time */
	CHECK(fit.n == 2 && fit.bytes_per_hour == 0 && fit.r2 == 0);
	fit = push(2 * S, 30);
	CHECK_NEAR(fit.bytes_per_hour, 15 * 3600, 1e-9);
}

/* Every prefix and every window, with jitter, of values of every size, up and down. */
static void test_against_reference(uint64_t base, uint64_t step, uint64_t noise)
{
	static uint64_t x[1000], y[1000];
	uint64_t state = base + step + noise + 1, time = 0;
	uint32_t i, first;

	begin(120);
	for (i = 0; i < 1000; i++) {
		struct fit fit, should_be;

		state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
		time += 30 * S + (state >> 40) * 1000;
		x[i] = time / 1000;
		y[i] = base + step * i + (noise ? (state >> 20) % noise : 0);
		fit = push(time, y[i]);
		first = i < 120 ? 0 : i - 119;
		should_be = reference(x + first, y + first, i - first + 1);
		CHECK_EQ(fit.n, should_be.n);
		CHECK_NEAR(fit.bytes_per_hour, should_be.bytes_per_hour, fabs(should_be.bytes_per_hour) * 1e-12 + 1e-9);
		CHECK_NEAR(fit.r2, should_be.r2, 1e-12);
	}
}

static void test_growth_by_a_byte_in_a_terabyte(void)
{
	struct fit fit = {0};
	uint64_t i;

	begin(120);
	for (i = 0; i < 100000; i++)
		fit = push(i * 30 * S, (UINT64_C(4) << 40) + i);
	CHECK_NEAR(fit.bytes_per_hour, 120, 1e-9);
	CHECK_NEAR(fit.r2, 1, 1e-12);
	for (i = 0; i < 120; i++) /* a step of a petabyte leaves no trace when it has left the window */
		push((100000 + i) * 30 * S, i == 0 ? UINT64_C(1) << 50 : 7);
	fit = push(100120 * 30 * S, 7);
	CHECK_NEAR(fit.bytes_per_hour, 0, 0);
	CHECK_NEAR(fit.r2, 0, 0);
}

static void test_extremes(void)
{
	struct fit fit = {0};
	uint64_t i;

	begin(200);
	for (i = 0; i < 1000; i++) {
		fit = push(i % 2 ? UINT64_MAX - i : i, i % 3 ? UINT64_C(1) << 62 : i % 2 ? UINT64_MAX / 2 : 0);
		CHECK(isfinite(fit.bytes_per_hour));
		CHECK_RANGE(fit.r2, 0, 1);
	}
}

static void test_cut_at_a_petabyte(void)
{
	struct fit cut, fit = {0};
	uint64_t i;

	begin(200);
	for (i = 0; i < 500; i++)
		fit = push(i * i * S, i % 3 ? UINT64_C(1) << 50 : 0);
	begin(200);
	for (i = 0; i < 500; i++)
		cut = push(i * i * S, i % 3 ? UINT64_C(1) << 62 : 0);
	CHECK_NEAR(cut.bytes_per_hour, fit.bytes_per_hour, 0);
	CHECK_NEAR(cut.r2, fit.r2, 0);
	begin(200);
	for (i = 0; i < 500; i++)
		cut = push(i * i * S, i % 3 ? UINT64_C(3) << 62 : 0);
	CHECK_NEAR(cut.bytes_per_hour, -fit.bytes_per_hour, 0);
}

static void test_many_on_one_axis(void)
{
	struct series late;
	uint64_t i;

	begin(10);
	series_init(&late, values2);
	for (i = 0; i < 13; i++) {
		push(i * S, 3 * i);
		if (i >= 5)
			series_push(&late, &axis, 100 - 7 * i);
	}
	CHECK_EQ(late.n, 8);
	CHECK_NEAR(series_fit(&late).bytes_per_hour, -7 * 3600, 1e-9);
	CHECK_NEAR(series_fit(&late).r2, 1, 1e-12);
	for (i = 13; i < 40; i++) {
		push(i * S, 3 * i);
		series_push(&late, &axis, 50 + i);
	}
	CHECK_EQ(late.n, 10);
	CHECK_NEAR(series_fit(&late).bytes_per_hour, 3600, 1e-9);
	push(40 * S, 120); /* the late one misses a step: it begins anew */
	push(41 * S, 123);
	series_push(&late, &axis, 9);
	CHECK_EQ(late.n, 1);
	CHECK_EQ(series_fit(&series).n, 10);
	CHECK_NEAR(series_fit(&series).bytes_per_hour, 3 * 3600, 1e-9);
}

static void test_dropping_by_time(void)
{
	uint64_t i;

	begin(10);
	for (i = 0; i < 25; i++)
		push(i * S, i < 20 ? 0 : i);
	series_drop_before(&series, &axis, 20 * S, 2);
	CHECK_EQ(series.n, 5);
	CHECK_NEAR(series_fit(&series).bytes_per_hour, 3600, 1e-9);
	CHECK_EQ(series_axis_time(&axis, 0), 24000000);
	CHECK_EQ(series_axis_time(&axis, 4), 20000000);
	series_drop_before(&series, &axis, UINT64_MAX, 2);
	CHECK_EQ(series.n, 2);
	push(25 * S, 25);
	CHECK_EQ(series.n, 3);
	CHECK_NEAR(series_fit(&series).bytes_per_hour, 3600, 1e-9);
}

int main(void)
{
	uint64_t size, noise;

	test_lines();
	test_few_samples();
	for (size = 0; size <= 44; size += 11)
		for (noise = 0; noise <= 40; noise += 8)
			test_against_reference(UINT64_C(1) << size, size * 1000, noise ? UINT64_C(1) << noise : 0);
	test_growth_by_a_byte_in_a_terabyte();
	test_extremes();
	test_cut_at_a_petabyte();
	test_many_on_one_axis();
	test_dropping_by_time();
	return check_result();
}
