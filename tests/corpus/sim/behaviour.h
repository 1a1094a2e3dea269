/*
 * Behaviours -- what a program does with memory, described by tables.
 *
 * A behaviour is a few parts; a part is one stream of allocations from one site: when they come
 * (shape), how many and how large they are, and what becomes of them (kind). All times are fractions of
 * the run, all counts are for the whole run, so that the same behaviour can last a minute or six
 * hours. The truth is stated here, beside the behaviour and before any detector has seen it.
 *
 * A site leaks when blocks are lost at it without end, or when its memory would grow for as long as the
 * run lasts. TRUTH_LEAK: most blocks of the site are freed, a share is not. TRUTH_GROWTH: nothing of it is ever freed
 * (a map nobody empties), or one block grows. A site that stops by itself within the first two thirds of the run (a
 * cache that is full, a warm-up) does not leak.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum truth { TRUTH_NONE, TRUTH_LEAK, TRUTH_GROWTH, TRUTH_WARM_UP, TRUTH_STABLE, TRUTH_RETENTION, TRUTH_EXTERNAL };
const char *truth_name(enum truth truth);

/* When allocations come: intensity over the active part of the run. */
enum shape {
	SHAPE_EVEN,
	SHAPE_DECAY,	 /* e^(-t/a) */
	SHAPE_RAMP,	 /* from 1 to a, linear */
	SHAPE_WAVE,	 /* 1 + b sin(2 pi t/a + phase) */
	SHAPE_ON_OFF,	 /* on for a share b of every period a */
	SHAPE_PULSES,	 /* at once, every a */
	SHAPE_STEPS,	 /* at once, at a and, if not 0, at b */
	SHAPE_LOGARITHM, /* 1/(t + a): the count grows as log(1 + t/a) */
	SHAPE_ROOT,	 /* the count grows as the square root of t */
	SHAPE_SQUARE,	 /* the count grows as t^2 */
	SHAPE_SURGES,	 /* at once, at random times, a apart on average */
};

/* How long a freed block lives; the mean is `life`. */
enum spread { SPREAD_EXPONENTIAL, SPREAD_FIXED, SPREAD_LOGNORMAL, SPREAD_PARETO };

/* What becomes of the blocks. Blocks lost by `keep` are never freed. */
enum kind {
	KIND_REQUEST,	/* each lives its life (0: for ever) */
	KIND_BATCH,	/* all held ones are freed every `period` */
	KIND_FIFO,	/* beyond `cap` the oldest is freed */
	KIND_REPLACE,	/* beyond `cap` a random one is freed */
	KIND_LRU,	/* a cache of `cap` entries under look-ups of `keys` keys with skew `skew`; a miss allocates */
	KIND_LFU,	/* the same; the least used of five random entries goes */
	KIND_INTERN,	/* the same look-ups, nothing is ever removed */
	KIND_BUFFER,	/* one block a slot of `cap` slots, each arrival makes one longer by `bytes` (realloc) */
	KIND_VECTOR,	/* one block, `bytes` are appended at each arrival, capacity doubles */
	KIND_SWAP,	/* every `period` a new set of `cap` blocks is made, then all older ones are freed */
	KIND_DRAIN,	/* all are freed from `period` on, within 3 % of the run */
	KIND_CLEAN_UP,	/* lost blocks; every `period` a share `skew` of those held is freed after all */
	KIND_FLUSH,	/* at `cap` entries all are freed at once */
	KIND_HIGH_WATER /* arrivals look at a load that wanders; a block is added when it is higher than ever */
};

/* How RSS follows the live bytes. */
enum residence { RSS_FOLLOWS, RSS_RATCHET, RSS_ARENAS, RSS_STAYS, RSS_OUTSIDE };

struct part {
	const char *site;
	enum kind kind;
	enum shape shape;
	enum spread spread;
	enum truth truth;		  /* TRUTH_LEAK, TRUTH_GROWTH, or none */
	bool steady;			  /* leaks at a constant rate from the beginning: its rate can be checked */
	bool regular;			  /* arrivals are evenly spaced, not random */
	bool uneven;			  /* sizes vary from half to twice */
	uint32_t bytes, cap, keys, sites; /* sites: this many alike, named SITE_1, SITE_2...; the counts are of each */
	double n;			  /* arrivals of the run */
	double from, to;		  /* active time; to 0: until the end */
	double a, b;			  /* of the shape */
	double life, keep, keep_from, period, skew;
};

#define BEHAVIOUR_PARTS 4
struct behaviour {
	const char *id, *text;
	enum truth truth, also; /* of the run; a second answer that is right too */
	enum residence residence;
	bool any_time_only; /* the leak is gone at the end: only a verdict before counts */
	double settles; /* until then nothing tells the run from a leaking one: what is said before does not count */
	uint32_t marks; /* iterations of the run that end with a mark */
	bool bare;	/* no innocent sites beside it */
	struct part parts[BEHAVIOUR_PARTS];
};

extern const struct behaviour leaky[], steady_leaky[], innocent[], more_innocent[]; /* end with id NULL */
