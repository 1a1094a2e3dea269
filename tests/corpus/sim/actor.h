/*
 * Actors -- the parts of a behaviour at work: each allocates when its shape says so, and frees as its kind does.
 */
#pragma once
#include "cache.h"
#include "shape.h"
#include "world.h"

struct actor {
	struct part part; /* with counts and sizes as this run has them */
	uint32_t self, site, n_sites;
	struct shape_clock *clock;
	struct cache *cache;
	uint32_t *held; /* blocks that it may free; KIND_FIFO takes from `oldest` */
	size_t n_held, room_held, oldest;
	uint64_t used, capacity; /* of KIND_VECTOR, bytes */
	double level;		 /* of KIND_HIGH_WATER */
};

/* rate and size: factors of this run. Plans its first events. */
void actor_init(struct actor *actor, struct world *w, const struct part *part, uint32_t self, double rate, double size);
void actor_fini(struct actor *actor);
void actor_arrive(struct actor *actor, struct world *w);
void actor_tick(struct actor *actor, struct world *w);
