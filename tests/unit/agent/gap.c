/*
 * Tests of agent/gap: the logarithm against libm's, and that gaps are distributed as they should be. Seeds are fixed.
 */
#include "agent/gap.h"
#include "tests/unit/agent/agent.h"

#define DRAWS 400000
#define BINS 32
#define MEAN 4096

static void test_logarithm(void)
{
	uint64_t u[] = {1, 2, 3, UINT64_C(1) << 32, UINT64_C(1) << 63, (UINT64_C(1) << 63) + 1, UINT64_MAX}, state = 7;
	double worst = 0, error;

	for (unsigned i = 0; i < 200000; i++) {
		uint64_t x = i < sizeof(u) / sizeof(u[0]) ? u[i] : gap_random(&state) >> i % 60 | 1;

		error = fabs(ldexp((double)gap_minus_log(x), -32) + log(ldexp((double)x, -64)));
		worst = error > worst ? error : worst;
	}
	CHECK_RANGE(worst, 0, ldexp(1, -31));
}

/* As many in each of the parts that should be met equally often, and each whatever the one before was. */
static void test_distribution(void)
{
	static unsigned bins[BINS], pairs[BINS][BINS];
	double sum = 0, chi = 0, chi_pairs = 0, expected = (double)DRAWS / BINS, expected_pair = expected / BINS;
	uint64_t state = 4711;
	unsigned last = 0;

	for (unsigned i = 0; i < DRAWS; i++) {
		int64_t gap = gap_next(&state, MEAN);
		/* Gaps are x rounded up, so a point within is as good as x. */
		double x = (double)gap - ldexp((double)(gap_random(&state) >> 11), -53);
		unsigned bin = (unsigned)(BINS * -expm1(-x / MEAN));

		sum += (double)gap;
		bin = bin < BINS ? bin : BINS - 1;
		bins[bin]++;
		pairs[last][bin]++;
		last = bin;
	}
	for (unsigned i = 0; i < BINS; i++) {
		chi += (bins[i] - expected) * (bins[i] - expected) / expected;
		for (unsigned j = 0; j < BINS; j++)
			chi_pairs += (pairs[i][j] - expected_pair) * (pairs[i][j] - expected_pair) / expected_pair;
	}
	CHECK_NEAR(sum / DRAWS, MEAN + 0.5, 4 * MEAN / sqrt(DRAWS));
	/* Mean and four standard deviations of chi squared. */
	CHECK_NEAR(chi, BINS - 1, 4 * sqrt(2 * (BINS - 1)));
	CHECK_NEAR(chi_pairs, BINS * BINS - 1, 4 * sqrt(2 * (BINS * BINS - 1)));
}

/* With a small mean the rounding counts: whole numbers n with probability (1 - q) q^(n - 1), q = exp(-1 / mean). */
static void test_small_mean(void)
{
	uint64_t state = 1, met[4] = {0};
	double q = exp(-0.5), p;

	for (unsigned i = 0; i < DRAWS; i++) {
		int64_t gap = gap_next(&state, 2);

		CHECK(gap > 0);
		met[gap < 4 ? gap : 0]++;
	}
	for (unsigned n = 1; n < 4; n++) {
		p = (1 - q) * pow(q, n - 1);
		CHECK_NEAR((double)met[n] / DRAWS, p, 4 * sqrt(p * (1 - p) / DRAWS));
	}
}

static void test_large_mean(void)
{
	uint64_t state = 2;
	int64_t most = 0, gap;

	for (unsigned i = 0; i < 1000; i++) {
		gap = gap_next(&state, UINT64_C(1) << 40);
		most = gap > most ? gap : most;
		CHECK(gap > 0);
	}
	CHECK_RANGE(ldexp((double)most, -40), 3, 20);
}

int main(void)
{
	test_logarithm();
	test_distribution();
	test_small_mean();
	test_large_mean();
	return check_result();
}
