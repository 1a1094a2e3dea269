/*
 * Shapes -- arrival times of a given intensity.
 *
 * The intensity is tabulated once and summed; arrivals are equal or random steps on that sum, turned
 * back into time.
 */
#pragma once
#include "behaviour.h"
#include "random.h"

#define SHAPE_CELLS 4096

struct shape_clock {
	double sum[SHAPE_CELLS + 1]; /* share of all arrivals before each cell; ends at 1 */
	double from, to;	     /* fractions of the run */
	double reached, step;	     /* on the sum */
	uint32_t cell;
	bool regular;
};

/* n: arrivals expected in all. */
void shape_init(struct shape_clock *clock, const struct part *part, double n, struct random *random);
/* The next arrival as a fraction of the run; above 1: there is none. */
double shape_next(struct shape_clock *clock, struct random *random);
