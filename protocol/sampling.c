/*
 * Sampling. See sampling.h.
 */
#include "protocol/sampling.h"
#include <string.h>

#define MANTISSA 2u  /* digits of a class behind the first */
#define TERMS 14u    /* of the series, good to 1e-17 for arguments below a half */
#define CERTAIN 40.0 /* exp(-40) is nothing beside 1 */

bool sampling_read(struct wire_sampling *sampling, const void *from, size_t size)
{
	if (size < sizeof(*sampling))
		return false;
	memcpy(sampling, from, sizeof(*sampling));
	return sampling->class && sampling->class < SAMPLING_CLASSES && sampling->sample_bytes &&
	       sampling->sample_bytes <= SAMPLING_BYTES_MOST;
}

uint32_t sampling_class(uint64_t size)
{
	uint64_t n = size + 1 ? size + 1 : size;
	uint32_t shift;

	if (n < 1u << MANTISSA)
		return (uint32_t)n;
	shift = 63u - (uint32_t)__builtin_clzll(n) - MANTISSA;
	return (shift << MANTISSA) + (uint32_t)(n >> shift);
}

uint64_t sampling_class_bytes(uint32_t class)
{
	uint32_t shift = (class >> MANTISSA) - 1;

	if (class < 2u << MANTISSA)
		return class;
	return (uint64_t)((class & ((1u << MANTISSA) - 1)) + (1u << MANTISSA)) << shift;
}

/* 1 - exp(-x) without loss of digits: a series near 0, and from half the argument elsewhere. */
static double one_less_exp(double x)
{
	double term = x, sum = x, half;

	if (x > CERTAIN)
		return 1;
	if (x > 0.5) {
		half = one_less_exp(x / 2);
		return half * (2 - half);
	}
	for (unsigned i = 2; i <= TERMS; i++) {
		term *= -x / i;
		sum += term;
	}
	return sum;
}

double sampling_weight(const struct wire_sampling *sampling)
{
	return 1 / one_less_exp((double)sampling_class_bytes(sampling->class) / (double)sampling->sample_bytes);
}

double sampling_variance(double weight, double n, double bytes)
{
	return n > 0 ? bytes * bytes / n * weight * (weight - 1) : 0;
}
