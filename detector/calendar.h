/*
 * The calendar -- how a process's life is cut into epochs and cohorts; one for all its callsites.
 *
 *   age       0         t/4                  t/2                  3t/4                t
 *   epochs    |---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|...|  equal, 16 to 32 of them
 *   cohorts    elders   |-|-|--|--|--|---|---|---|----|----|----|-----|-----|------|..|  each 1/12 of its begin
 *
 * Epochs are for troughs. They are equally long and at most 32: when all are used, neighbours merge and the length
 * doubles. Of 32 epochs the last one is open: readings fall into it.
 *
 * Cohorts are for births: blocks born in one are told apart from those of others as long as it is among the last 32;
 * before that they are elders. A cohort ends when it is as wide as 1/12 of the age at its beginning, so that the
 * last 32 reach back to t/13 at any age.
 *
 * Birth bytes. A block's word in the agent's map has 8 bits for its birth. They name a cohort by the table
 * `cohort_of`. A number names one cohort for ever: nothing is renumbered in the map, whatever merges. As t
 * grows by 13/12 with each, the 255 numbers last for 12 (13/12)^242 base epochs: a century at one second. Only when
 * none is fresh any more (the child of an old process begins with those of its parent taken) one is given again,
 * and only one that names no cohort and that the last walk over the whole map met on no block. When there is none
 * either, the present cohort just goes on. (A realloc that carries a block past the walk can make one block seem
 * younger than it is: harmless.) 255 is not ours: the agent's EPOCH_LOADER, elders like all numbers not given.
 *
 * Times are nanoseconds of the process's age. Context: any, one thread at a time; pure. Cost: nanoseconds.
 */
#pragma once
#include "protocol/options.h"
#include <stdbool.h>
#include <stdint.h>

#define CALENDAR_EPOCHS 32u
#define CALENDAR_COHORTS 32u
#define CALENDAR_ELDERS CALENDAR_COHORTS /* what `cohort_of` says of those born before all cohorts */
#define CALENDAR_BIRTHS 255u

struct calendar {
	uint64_t interval_ns;
	uint64_t base_ns;    /* length of an epoch of level 0 */
	uint64_t now_ns;     /* the last tick */
	uint64_t due_ns;     /* when the next reading is due */
	uint64_t walk_ns;    /* begin of the last whole walk; 0: none yet */
	uint64_t walking_ns; /* begin of the present one */
	uint32_t level;	     /* an epoch is base_ns << level long */
	uint32_t epoch;	     /* the open one, 0..31; those before are whole */
	uint32_t cohort;     /* number of the present one, counted since the beginning */
	uint32_t walks;	     /* whole ones */
	uint8_t birth;	     /* what a block born now is marked with */
	uint8_t fresh;	     /* the next number never given; CALENDAR_BIRTHS: none left */
	/* By cohort, its number mod 32. */
	uint64_t cohort_begin_ns[CALENDAR_COHORTS];
	uint64_t cohort_walk_ns[CALENDAR_COHORTS]; /* begin of the first whole walk in it; 0: none yet */
	uint8_t cohort_birth[CALENDAR_COHORTS];
	/* By birth byte. */
	uint8_t cohort_of[256]; /* 0..31, or CALENDAR_ELDERS */
	uint8_t met[256];	/* bits, see calendar.c */
};

/*
 * Begins at an age of 0, with the birth numbers below `taken` in use already: 0, or in a forked child the `fresh`
 * of its parent's calendar.
 */
void calendar_begin(struct calendar *calendar, const struct options *options, unsigned taken);
/* Takes over changed options. */
void calendar_configure(struct calendar *calendar, const struct options *options);

enum calendar_what {
	CALENDAR_EPOCH = 1, /* an epoch has ended: look for new candidates */
	CALENDAR_WALK = 2,  /* walk over the map, and judge */
	CALENDAR_BIRTH = 4, /* `birth` has changed */
};
/* Behind the readings of this moment; says what is to do now. Ticks may come late, early, or not at all for a time. */
unsigned calendar_tick(struct calendar *calendar, uint64_t now_ns);

/* A walk over the map begins; calendar_meet for each block; and has seen them all. */
void calendar_walk_begin(struct calendar *calendar, uint64_t now_ns);
void calendar_walk_end(struct calendar *calendar);
/* The index of the block's cohort, or CALENDAR_ELDERS. */
static inline uint8_t calendar_meet(struct calendar *calendar, uint8_t birth)
{
	calendar->met[birth] |= 2;
	return calendar->cohort_of[birth];
}

/* Numbers of the oldest cohort that is told apart; the newest one is `cohort`. */
uint32_t calendar_oldest(const struct calendar *calendar);
uint64_t calendar_cohort_begin(const struct calendar *calendar, uint32_t number);
uint64_t calendar_cohort_end(const struct calendar *calendar, uint32_t number); /* of the present one: now */
static inline uint64_t calendar_epoch_length(const struct calendar *calendar)
{
	return calendar->base_ns << calendar->level;
}
