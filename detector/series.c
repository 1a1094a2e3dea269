/*
 * Series -- sliding sums in exact integers.
 *
 * Guarantees and costs: detector/series.h.
 */
#include "detector/series.h"
#include <stdbool.h>

#define FARTHEST (INT64_C(1) << 50)
#define US_PER_HOUR 3600e6

void series_axis_init(struct series_axis *axis, uint64_t *times, uint32_t capacity)
{
	*axis = (struct series_axis){.times = times, .capacity = capacity};
}

void series_axis_push(struct series_axis *axis, uint64_t time_ns)
{
	uint64_t *place = &axis->times[axis->steps++ % axis->capacity];

	axis->dropped = *place;
	*place = time_ns / 1000;
}

uint64_t series_axis_time(const struct series_axis *axis, uint64_t back)
{
	return axis->times[(axis->steps - 1 - back) % axis->capacity];
}

void series_init(struct series *s, uint64_t *values)
{
	*s = (struct series){.values = values};
}

/* a - b, cut to +-FARTHEST; counters that wrapped below zero are small negative numbers. */
static int64_t since(uint64_t a, uint64_t b)
{
	int64_t d = (int64_t)(a - b);

	return d > FARTHEST ? FARTHEST : d < -FARTHEST ? -FARTHEST : d;
}

/* Adds a sample to the sums, or with sign -1 takes it out. */
static void sum(struct series *s, uint64_t time, uint64_t value, int sign)
{
	__int128 x = since(time, s->first_time), y = since(value, s->first_value);

	s->x += sign * x;
	s->y += sign * y;
	s->xx += sign * x * x;
	s->xy += sign * x * y;
	s->yy += sign * y * y;
}

void series_push(struct series *s, const struct series_axis *axis, uint64_t value)
{
	uint64_t place = (axis->steps - 1) % axis->capacity, time = axis->times[place];

	if (s->n == 0 || s->steps + 1 != axis->steps) {
		series_init(s, s->values);
		s->first_time = time;
		s->first_value = value;
	}
	if (s->n == axis->capacity) {
		sum(s, axis->dropped, s->values[place], -1);
		s->n--;
	}
	s->values[place] = value;
	s->steps = axis->steps;
	sum(s, time, value, 1);
	s->n++;
}

void series_drop_before(struct series *s, const struct series_axis *axis, uint64_t time_ns, uint32_t keep)
{
	while (s->n > keep) {
		uint64_t place = (s->steps - s->n) % axis->capacity;

		if (axis->times[place] >= time_ns / 1000)
			break;
		sum(s, axis->times[place], s->values[place], -1);
		s->n--;
	}
}

struct fit series_fit(const struct series *s)
{
	__int128 xx = s->n * s->xx - s->x * s->x, xy = s->n * s->xy - s->x * s->y, yy = s->n * s->yy - s->y * s->y;
	struct fit fit = {.n = s->n};

	if (xx <= 0)
		return fit;
	fit.bytes_per_hour = (double)xy / (double)xx * US_PER_HOUR;
	if (yy > 0)
		fit.r2 = (double)xy / (double)xx * ((double)xy / (double)yy);
	if (fit.r2 > 1)
		fit.r2 = 1;
	return fit;
}
