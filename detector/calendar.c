/*
 * The calendar. See calendar.h.
 */
#include "detector/calendar.h"
#include "detector/thresholds.h"
#include <string.h>

/* Bits of `met`. */
#define MET 1u	   /* on a block, in the last whole walk */
#define MEETING 2u /* in the present one */
#define GIVEN 4u   /* to blocks born since the last whole walk began */

void calendar_configure(struct calendar *calendar, const struct options *options)
{
	calendar->interval_ns = options->interval;
}

/* A number for the blocks born from here on; false: none is free, or the clock has no use for one. */
static bool give_birth_number(struct calendar *c)
{
	uint32_t index = c->cohort % CALENDAR_COHORTS;
	unsigned number = c->fresh;

	if (number < CALENDAR_BIRTHS)
		c->fresh++;
	else
		for (number = 0; number < CALENDAR_BIRTHS; number++)
			if (c->cohort_of[number] == CALENDAR_ELDERS && !c->met[number] && c->walks)
				break;
	if (number == CALENDAR_BIRTHS)
		return false;
	if (c->cohort_of[c->cohort_birth[index]] == index)
		c->cohort_of[c->cohort_birth[index]] = CALENDAR_ELDERS;
	c->birth = (uint8_t)number;
	c->met[number] |= GIVEN;
	c->cohort_birth[index] = c->birth;
	c->cohort_of[c->birth] = (uint8_t)index;
	return true;
}

static void begin_cohort(struct calendar *c, uint64_t now_ns)
{
	uint32_t index = c->cohort % CALENDAR_COHORTS;

	c->cohort_begin_ns[index] = now_ns;
	c->cohort_walk_ns[index] = 0;
}

void calendar_begin(struct calendar *c, const struct options *options, unsigned taken)
{
	uint64_t base = options->interval * EPOCH_BASE_INTERVALS;

	memset(c, 0, sizeof(*c));
	if (base < EPOCH_BASE_LEAST_NS)
		base = EPOCH_BASE_LEAST_NS;
	c->base_ns = base < EPOCH_BASE_MOST_NS ? base : EPOCH_BASE_MOST_NS;
	memset(c->cohort_of, CALENDAR_ELDERS, sizeof(c->cohort_of));
	c->fresh = taken < CALENDAR_BIRTHS ? (uint8_t)taken : CALENDAR_BIRTHS;
	c->birth = CALENDAR_BIRTHS - 1;
	calendar_configure(c, options);
	give_birth_number(c);
	begin_cohort(c, 0);
	c->due_ns = c->base_ns / EPOCH_READINGS;
}

static unsigned tick_epoch(struct calendar *c)
{
	uint64_t epoch = c->now_ns / calendar_epoch_length(c);
	bool merged = false;

	for (; epoch >= CALENDAR_EPOCHS; epoch /= 2) {
		c->level++;
		merged = true;
	}
	if (epoch == c->epoch && !merged)
		return 0;
	c->epoch = (uint32_t)epoch;
	return CALENDAR_EPOCH | CALENDAR_WALK;
}

static unsigned tick_cohort(struct calendar *c)
{
	uint64_t begin = c->cohort_begin_ns[c->cohort % CALENDAR_COHORTS], width = begin / COHORT_SHARE;

	if (width < c->base_ns)
		width = c->base_ns;
	if (c->now_ns - begin < width)
		return 0;
	c->cohort++;
	if (!give_birth_number(c)) {
		c->cohort--; /* this one goes on */
		return 0;
	}
	begin_cohort(c, c->now_ns);
	return CALENDAR_BIRTH | CALENDAR_WALK;
}

unsigned calendar_tick(struct calendar *c, uint64_t now_ns)
{
	uint64_t length, end, step;
	unsigned what;

	if (now_ns < c->now_ns)
		return 0;
	c->now_ns = now_ns;
	what = tick_epoch(c) | tick_cohort(c);
	length = calendar_epoch_length(c);
	end = (c->epoch + 1) * length;
	step = length / EPOCH_READINGS;
	if (step > c->interval_ns)
		step = c->interval_ns;
	c->due_ns = now_ns + step < end ? now_ns + step : end;
	return what;
}

void calendar_walk_begin(struct calendar *c, uint64_t now_ns)
{
	c->walking_ns = now_ns;
	for (unsigned i = 0; i < sizeof(c->met); i++)
		c->met[i] &= MET;
	c->met[c->birth] |= GIVEN;
}

void calendar_walk_end(struct calendar *c)
{
	uint64_t *first = &c->cohort_walk_ns[c->cohort % CALENDAR_COHORTS];

	c->walk_ns = c->walking_ns;
	c->walks++;
	if (!*first)
		*first = c->walk_ns;
	for (unsigned i = 0; i < sizeof(c->met); i++)
		c->met[i] = (uint8_t)((c->met[i] & MEETING ? MET : 0) | (c->met[i] & GIVEN));
}

uint32_t calendar_oldest(const struct calendar *c)
{
	return c->cohort < CALENDAR_COHORTS ? 0 : c->cohort - CALENDAR_COHORTS + 1;
}

uint64_t calendar_cohort_begin(const struct calendar *c, uint32_t number)
{
	return c->cohort_begin_ns[number % CALENDAR_COHORTS];
}

uint64_t calendar_cohort_end(const struct calendar *c, uint32_t number)
{
	return number == c->cohort ? c->now_ns : c->cohort_begin_ns[(number + 1) % CALENDAR_COHORTS];
}
