/*
 * Elementary functions. See elementary.h.
 */
#include "detector/elementary.h"
#include <stdint.h>
#include <string.h>

#define LN2 0.69314718055994530942
#define SQRT2 1.41421356237309504880

double elementary_log(double x)
{
	uint64_t bits;
	double s, power, sum = 0;
	int exponent;

	if (!(x > 1e-300))
		return -1e300;
	if (x > 1e300)
		x = 1e300;
	memcpy(&bits, &x, sizeof(bits));
	exponent = (int)(bits >> 52) - 1023;
	bits = (bits & (UINT64_MAX >> 12)) | UINT64_C(1023) << 52;
	memcpy(&x, &bits, sizeof(x));
	if (x > SQRT2) {
		x /= 2;
		exponent++;
	}
	/* ln x = 2 artanh((x - 1) / (x + 1)), and that is at most 0.172. */
	s = (x - 1) / (x + 1);
	power = s;
	for (int i = 1; i <= 17; i += 2, power *= s * s)
		sum += power / i;
	return exponent * LN2 + 2 * sum;
}

double elementary_exp(double x)
{
	double rest, sum = 1, term = 1, scale;
	uint64_t bits;
	int k;

	if (!(x > -700))
		return 0;
	if (x > 690)
		return 1e300;
	k = (int)(x / LN2 + (x < 0 ? -0.5 : 0.5));
	rest = x - k * LN2;
	for (int i = 1; i <= 13; i++) {
		term *= rest / i;
		sum += term;
	}
	bits = (uint64_t)(k + 1023) << 52;
	memcpy(&scale, &bits, sizeof(scale));
	return sum * scale;
}

/* Laplace's continued fraction for larger z, a series for small ones. */
double elementary_normal_tail(double z)
{
	double density = 0.39894228040143267794 * elementary_exp(-z * z / 2), sum, term;

	if (z < 0)
		return 1 - elementary_normal_tail(-z);
	if (z > 2.5) {
		double fraction = z;

		for (int i = 40; i > 0; i--)
			fraction = z + i / fraction;
		return density / fraction;
	}
	sum = term = z;
	for (int i = 3; i < 60; i += 2) {
		term *= z * z / i;
		sum += term;
	}
	return 0.5 - density * sum;
}
