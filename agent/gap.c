/*
 * Gaps. See gap.h.
 */
#include "agent/gap.h"
#include "agent/compiler.h"

#define DIGITS 32
#define LN_2 UINT64_C(0xb17217f7d1cf79ac) /* in units of 2^-64 */
#define STEP UINT64_C(0x9e3779b97f4a7c15)

/* A counter, well mixed (the finalizer of MurmurHash3 with other constants, known as splitmix64). */
uint64_t gap_random(uint64_t *state)
{
	uint64_t x = counter_fetch_add(state, STEP) + STEP;

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

uint64_t gap_minus_log(uint64_t u)
{
	uint32_t zeros = (uint32_t)__builtin_clzll(u);
	uint64_t m = u << zeros, digits = 0;

	/* m is 1 to 2 in units of 2^-63. Each squaring doubles the logarithm: its next binary digit is whether m passes
	 * 2. */
	for (int i = 0; i < DIGITS; i++) {
		unsigned __int128 square = (unsigned __int128)m * m;
		uint64_t passes = (uint64_t)(square >> 127);

		digits = digits << 1 | passes;
		m = (uint64_t)(square >> (63 + passes));
	}
	return (uint64_t)((unsigned __int128)((uint64_t)(zeros + 1) << DIGITS) - digits) * (unsigned __int128)LN_2 >>
	       64;
}

int64_t gap_next(uint64_t *state, uint64_t mean)
{
	uint64_t u = gap_random(state);

	return (int64_t)((unsigned __int128)mean * gap_minus_log(u ? u : 1) >> DIGITS) + 1;
}
