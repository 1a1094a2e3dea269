/*
 * Shapes, see shape.h.
 */
#include "shape.h"

#define PULSE_WIDTH 0.0025 /* of the run: what happens "at once" */

static bool in_pulse(double at, double t)
{
	return at > 0 && t >= at && t < at + PULSE_WIDTH;
}

/* t and the parameters are fractions of the run, since the part began. */
static double intensity(const struct part *part, double t, double phase)
{
	switch (part->shape) {
	case SHAPE_DECAY:
		return exp(-t / part->a);
	case SHAPE_RAMP:
		return 1 + (part->a - 1) * t;
	case SHAPE_WAVE:
		return 1 + part->b * sin(6.283185307179586 * (t / part->a + phase));
	case SHAPE_ON_OFF:
		return fmod(t / part->a + phase, 1) < part->b;
	case SHAPE_PULSES:
		return in_pulse(0.25 * part->a, fmod(t + part->a * phase, part->a));
	case SHAPE_STEPS:
		return in_pulse(part->a, t) || in_pulse(part->b, t);
	case SHAPE_LOGARITHM:
		return 1 / (t + part->a);
	case SHAPE_ROOT:
		return 1 / sqrt(t + 1e-4);
	case SHAPE_SQUARE:
		return t;
	case SHAPE_EVEN:
	case SHAPE_SURGES:
		break;
	}
	return 1;
}

static void fill_surges(double *cells, const struct part *part, double length, struct random *random)
{
	uint32_t width = (uint32_t)(PULSE_WIDTH / length * SHAPE_CELLS) + 1;

	for (double t = part->a * random_exponential(random); t < length; t += part->a * random_exponential(random))
		for (uint32_t i = 0, at = (uint32_t)(t / length * SHAPE_CELLS); i < width && at + i < SHAPE_CELLS; i++)
			cells[at + i] += 1;
}

void shape_init(struct shape_clock *clock, const struct part *part, double n, struct random *random)
{
	double cells[SHAPE_CELLS] = {0}, phase = random_unit(random), sum = 0;

	clock->from = part->from;
	clock->to = part->to > 0 ? part->to : 1;
	clock->regular = part->regular;
	clock->reached = 0;
	clock->step = 1 / n;
	clock->cell = 0;
	if (part->shape == SHAPE_SURGES)
		fill_surges(cells, part, clock->to - clock->from, random);
	else
		for (uint32_t i = 0; i < SHAPE_CELLS; i++)
			cells[i] = intensity(part, (clock->to - clock->from) * (i + 0.5) / SHAPE_CELLS, phase);
	for (uint32_t i = 0; i < SHAPE_CELLS; i++)
		sum += cells[i];
	clock->sum[0] = 0;
	for (uint32_t i = 0; i < SHAPE_CELLS; i++)
		clock->sum[i + 1] = clock->sum[i] + (sum > 0 ? cells[i] / sum : 0);
}

double shape_next(struct shape_clock *clock, struct random *random)
{
	double inside, width;

	clock->reached +=
		clock->step * (clock->regular ? random_between(random, 0.8, 1.2) : random_exponential(random));
	while (clock->cell < SHAPE_CELLS && clock->sum[clock->cell + 1] < clock->reached)
		clock->cell++;
	if (clock->cell == SHAPE_CELLS)
		return 2;
	width = clock->sum[clock->cell + 1] - clock->sum[clock->cell];
	inside = width > 0 ? (clock->reached - clock->sum[clock->cell]) / width : 0;
	return clock->from + (clock->to - clock->from) * (clock->cell + inside) / SHAPE_CELLS;
}
