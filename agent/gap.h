/*
 * Gaps -- how many bytes to the next point of the sample: exponentially distributed, whole numbers.
 *
 * In integers alone: in a hook the host's floating point modes, traps and flags must not matter, nor change.
 * The logarithm is right to 2^-31. Cost: some 200 ns, once a sample.
 */
#pragma once
#include <stdint.h>

/* A random number; *state may be anything and moves on. Context: any; async-signal-safe. */
uint64_t gap_random(uint64_t *state);
/* -ln(u / 2^64), in units of 2^-32; u is not 0. Context: any. */
uint64_t gap_minus_log(uint64_t u);
/* 1 at least; `mean` on average, at most 2^40. Context: as above. */
int64_t gap_next(uint64_t *state, uint64_t mean);
