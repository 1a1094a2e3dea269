/*
 * Tests of protocol/sampling: classes round down by less than a quarter, weights are those of libm, variances add up.
 */
#include "protocol/sampling.h"
#include "tests/unit/check.h"

static void test_classes(void)
{
	uint64_t sizes[] = {0, 1, 2, 6, 7, 8, 100, 4095, 4096, 1 << 20, UINT64_C(1) << 40, UINT64_MAX - 1, UINT64_MAX};
	uint32_t last = 0, wrong = 0;

	for (uint64_t size = 0; size < 300000; size++) {
		uint32_t class = sampling_class(size);
		uint64_t bytes = sampling_class_bytes(class);

		wrong += bytes > size + 1 || bytes * 5 <= (size + 1) * 4 - 4;
		wrong += class < last || class > last + 1 || !class;
		wrong += sampling_class(bytes - 1) != class;
		last = class;
	}
	CHECK_EQ(wrong, 0);
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint32_t class = sampling_class(sizes[i]);

		CHECK(class > 0 && class < SAMPLING_CLASSES);
		CHECK(sampling_class_bytes(class) - 1 <= sizes[i]);
		CHECK_EQ(sampling_class(sampling_class_bytes(class) - 1), class);
	}
}

static void test_weights(void)
{
	struct wire_sampling sampling = {0};
	double worst = 0, p, error;

	for (sampling.sample_bytes = 1; sampling.sample_bytes < SAMPLING_BYTES_MOST;
	     sampling.sample_bytes += sampling.sample_bytes / 3 + 1)
		for (sampling.class = 1; sampling.class < SAMPLING_CLASSES; sampling.class ++) {
			p = -expm1(-(double)sampling_class_bytes(sampling.class) / (double)sampling.sample_bytes);
			error = fabs(sampling_weight(&sampling) * p - 1);
			worst = error > worst ? error : worst;
		}
	CHECK_RANGE(worst, 0, 1e-14);
}

static void test_variance(void)
{
	/* One block of 10 bytes that stands for 4: it is there with p = 1/4, so 100 * (1 - p) / p^2. */
	CHECK_NEAR(sampling_variance(4, 1, 10), 1200, 1e-9);
	CHECK_NEAR(sampling_variance(4, 3, 30), 3600, 1e-9);
	CHECK_NEAR(sampling_variance(4, 3, 3), 36, 1e-9);
	CHECK_NEAR(sampling_variance(1, 3, 30), 0, 0);
	CHECK_NEAR(sampling_variance(4, 0, 0), 0, 0);
	CHECK_NEAR(sampling_variance(4, -1, -10), 0, 0);
}

int main(void)
{
	test_classes();
	test_weights();
	test_variance();
	return check_result();
}
