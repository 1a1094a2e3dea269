/*
 * World -- the simulated program: its blocks, its resident set, its clock and the log of them.
 *
 * The log is the one that `guardctl replay` reads. Times are fractions of the run inside and seconds in
 * the log. Out of memory ends the generator: it is a test program.
 */
#pragma once
#include "behaviour.h"
#include "random.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum event_kind { EVENT_ARRIVE, EVENT_FREE, EVENT_TICK, EVENT_SAMPLE, EVENT_MARK };
struct event {
	double at;
	uint64_t order; /* events of one moment happen in the order in which they were planned */
	enum event_kind kind;
	uint32_t what; /* actor or block */
};

struct site {
	char name[40];
	enum truth truth;
	bool steady;
	/* What was lost here: figures, when the first and the 16th block were, and how much by each 32nd of the run. */
	uint64_t lost_blocks, lost_bytes;
	double first, sixteenth, since;
	uint32_t lost_by[33];
};

struct block {
	uint32_t bytes, site; /* bytes 0: free */
};

struct world {
	struct random random;
	FILE *log;
	double length, interval, now; /* s, s, fraction */
	struct event *events;	      /* a heap */
	size_t n_events, room_events;
	struct block *blocks; /* by id; ids are not used twice */
	size_t n_blocks, room_blocks;
	struct site *sites;
	size_t n_sites, room_sites;
	uint64_t live, planned, n_allocs, n_frees;
	/* The resident set. */
	enum residence residence;
	double base, heap, stranded, wobble, arena;
};

void world_init(struct world *w, FILE *log, double length, double interval, uint64_t seed);
void world_fini(struct world *w);
void *world_grow(void *array, size_t n, size_t *room, size_t size);

uint32_t world_site(struct world *w, const char *name, enum truth truth, bool steady);
void world_plan(struct world *w, double at, enum event_kind kind, uint32_t what);
/* False: nothing is left before the end. */
bool world_next(struct world *w, struct event *event);

uint32_t world_alloc(struct world *w, uint32_t site, uint32_t bytes);
void world_free(struct world *w, uint32_t id);
uint32_t world_realloc(struct world *w, uint32_t id, uint32_t bytes);
void world_sample(struct world *w);
void world_mark(struct world *w);
void world_end(struct world *w);
/* Freed memory of this many bytes stays with the process and is not used again. */
void world_strand(struct world *w, double bytes);
/* The books: blocks and bytes are lost at a site now. */
void world_lose(struct world *w, uint32_t site, uint32_t blocks, uint64_t bytes);
