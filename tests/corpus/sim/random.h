/*
 * Random numbers -- the same ones from the same seed, on every machine.
 *
 * A 64-bit generator of the xorshift kind; good enough to draw arrivals and lifetimes from.
 */
#pragma once
#include <math.h>
#include <stdint.h>

struct random {
	uint64_t state;
};

static inline uint64_t random_u64(struct random *r)
{
	r->state ^= r->state >> 12;
	r->state ^= r->state << 25;
	r->state ^= r->state >> 27;
	return r->state * UINT64_C(0x2545f4914f6cdd1d);
}

static inline void random_init(struct random *r, uint64_t seed, uint64_t stream)
{
	r->state = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15) ^ (stream + 1) * UINT64_C(0xbf58476d1ce4e5b9);
	for (unsigned i = 0; i < 16; i++)
		random_u64(r);
}

/* Above 0, below 1. */
static inline double random_unit(struct random *r)
{
	return ((double)(random_u64(r) >> 12) + 0.5) / 4503599627370496.0;
}

static inline double random_between(struct random *r, double low, double high)
{
	return low + (high - low) * random_unit(r);
}

static inline uint32_t random_below(struct random *r, uint32_t n)
{
	return (uint32_t)(random_unit(r) * n);
}

static inline double random_exponential(struct random *r)
{
	return -log(random_unit(r));
}

static inline double random_normal(struct random *r)
{
	return sqrt(-2 * log(random_unit(r))) * cos(6.283185307179586 * random_unit(r));
}
