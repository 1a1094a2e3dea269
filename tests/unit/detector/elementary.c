/*
 * Tests of detector/elementary against libm.
 */
#include "detector/elementary.h"
#include "tests/unit/check.h"

int main(void)
{
	double worst_log = 0, worst_exp = 0, worst_tail = 0;

	for (double x = 1e-200; x < 1e200; x *= 1.0137) {
		double error = fabs(elementary_log(x) - log(x)) / (fabs(log(x)) + 1e-3);

		worst_log = error > worst_log ? error : worst_log;
	}
	for (double x = -690; x < 690; x += 0.0371) {
		double error = fabs(elementary_exp(x) / exp(x) - 1);

		worst_exp = error > worst_exp ? error : worst_exp;
	}
	for (double z = -6; z < 30; z += 0.0173) {
		double error = fabs(elementary_normal_tail(z) / (erfc(z / sqrt(2)) / 2) - 1);

		worst_tail = error > worst_tail ? error : worst_tail;
	}
	CHECK_RANGE(worst_log, 0, 1e-12);
	CHECK_RANGE(worst_exp, 0, 1e-12);
	CHECK_RANGE(worst_tail, 0, 1e-5);
	CHECK(elementary_log(0) < -1e299 && elementary_log(-1) < -1e299 && elementary_log(1) == 0);
	CHECK(elementary_exp(-1e9) == 0 && elementary_exp(1e9) > 1e299 && elementary_exp(0) == 1);
	CHECK_NEAR(elementary_sqrt(2), sqrt(2), 0);
	return check_result();
}
