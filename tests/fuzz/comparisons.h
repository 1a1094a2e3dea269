/*
 * Comparisons -- values that the target compared: what an input may have to hold to get further.
 *
 * Targets are compiled with -fsanitize-coverage=trace-cmp: they call in at every comparison. Without that there are
 * none.
 */
#pragma once
#include <stdint.h>

/* The n-th of those that were compared lately; 0: none. */
uint64_t comparisons_value(uint64_t n);
