/*
 * Actors, see actor.h.
 */
#include "actor.h"
#include <stdlib.h>
#include <string.h>

#define DRAIN_TIME 0.03

static void plan_arrival(struct actor *a, struct world *w)
{
	world_plan(w, shape_next(a->clock, &w->random), EVENT_ARRIVE, a->self);
}

static bool ticks(const struct actor *a)
{
	switch (a->part.kind) {
	case KIND_BATCH:
	case KIND_SWAP:
	case KIND_DRAIN:
	case KIND_CLEAN_UP:
		return true;
	default:
		return false;
	}
}

/* A cache is full as early at any rate. */
static void scale_cache(struct part *part, double rate)
{
	if (part->kind == KIND_BUFFER || part->kind == KIND_HIGH_WATER)
		return;
	part->cap = (uint32_t)(part->cap * rate) + (part->cap > 0);
	part->keys = (uint32_t)(part->keys * rate) + (part->keys > 0);
}

void actor_init(struct actor *a, struct world *w, const struct part *part, uint32_t self, double rate, double size)
{
	char name[48];

	memset(a, 0, sizeof(*a));
	a->part = *part;
	a->part.n *= rate;
	a->part.bytes = (uint32_t)(part->bytes * size) + 1;
	scale_cache(&a->part, rate);
	a->self = self;
	a->n_sites = part->sites ? part->sites : 1;
	for (uint32_t i = 0; i < a->n_sites; i++) {
		snprintf(name, sizeof(name), part->sites ? "%s_%u" : "%s", part->site, i + 1);
		if (i == 0)
			a->site = world_site(w, name, part->truth, part->steady);
		else
			world_site(w, name, part->truth, part->steady);
	}
	if (part->truth != TRUTH_NONE)
		w->sites[a->site].since = part->from > part->keep_from ? part->from : part->keep_from;
	if (part->kind == KIND_LRU || part->kind == KIND_LFU || part->kind == KIND_INTERN)
		a->cache = cache_new(part->kind, a->part.keys, a->part.cap, part->skew);
	if (a->part.n > 0) {
		a->clock = malloc(sizeof(*a->clock));
		shape_init(a->clock, &a->part, a->part.n * a->n_sites, &w->random);
		plan_arrival(a, w);
	}
	if (ticks(a))
		world_plan(w, part->kind == KIND_DRAIN ? part->period : random_unit(&w->random) * part->period,
			   EVENT_TICK, self);
}

void actor_fini(struct actor *a)
{
	free(a->clock);
	free(a->held);
	cache_free(a->cache);
}

static void hold(struct actor *a, uint32_t id)
{
	a->held = world_grow(a->held, a->n_held, &a->room_held, sizeof(*a->held));
	a->held[a->n_held++] = id;
}

static uint32_t draw_bytes(struct actor *a, struct world *w)
{
	if (!a->part.uneven)
		return a->part.bytes;
	return (uint32_t)(a->part.bytes * random_between(&w->random, 0.5, 1.5)) + 1;
}

static double draw_life(const struct part *part, struct random *random)
{
	double life = part->life;

	switch (part->spread) {
	case SPREAD_FIXED:
		return life;
	case SPREAD_LOGNORMAL:
		return life * exp(random_normal(random) - 0.5);
	case SPREAD_PARETO: /* exponent 1.5, mean `life` before it is cut at a third of the run */
		life = life / 3 * pow(random_unit(random), -1 / 1.5);
		return life < 1.0 / 3 ? life : 1.0 / 3;
	case SPREAD_EXPONENTIAL:
		break;
	}
	return life * random_exponential(random);
}

static uint32_t allocate(struct actor *a, struct world *w)
{
	uint32_t site = a->n_sites > 1 ? a->site + random_below(&w->random, a->n_sites) : a->site;

	return world_alloc(w, site, draw_bytes(a, w));
}

/* Freed blocks may leave a hole behind that nothing fits into. */
static void release(struct actor *a, struct world *w, uint32_t id)
{
	if (a->part.kind == KIND_BATCH)
		world_strand(w, w->blocks[id].bytes * 0.15);
	world_free(w, id);
}

static void lose(struct world *w, uint32_t id)
{
	world_lose(w, w->blocks[id].site, 1, w->blocks[id].bytes);
}

static void release_all(struct actor *a, struct world *w)
{
	for (size_t i = 0; i < a->n_held; i++)
		release(a, w, a->held[i]);
	a->n_held = 0;
}

static void arrive_fifo(struct actor *a, struct world *w)
{
	hold(a, allocate(a, w));
	if (a->n_held - a->oldest <= a->part.cap)
		return;
	world_free(w, a->held[a->oldest++]);
	if (a->oldest > 4096 && a->oldest * 2 > a->n_held) {
		a->n_held -= a->oldest;
		memmove(a->held, a->held + a->oldest, a->n_held * sizeof(*a->held));
		a->oldest = 0;
	}
}

static void arrive_replace(struct actor *a, struct world *w)
{
	uint32_t *slot;

	if (a->n_held < a->part.cap) {
		hold(a, allocate(a, w));
		return;
	}
	slot = &a->held[random_below(&w->random, (uint32_t)a->n_held)];
	world_free(w, *slot);
	*slot = allocate(a, w);
}

static void arrive_cache(struct actor *a, struct world *w)
{
	uint32_t key, gone, id;

	if (!cache_look_up(a->cache, &w->random, &key))
		return;
	id = allocate(a, w);
	if (random_unit(&w->random) < a->part.keep) {
		lose(w, id);
		return;
	}
	gone = cache_store(a->cache, &w->random, key, id);
	if (gone)
		world_free(w, gone);
}

static void arrive_buffer(struct actor *a, struct world *w)
{
	uint32_t *slot;

	if (a->n_held < a->part.cap) {
		hold(a, allocate(a, w));
		world_lose(w, a->site, 1, a->part.bytes);
		return;
	}
	slot = &a->held[random_below(&w->random, (uint32_t)a->n_held)];
	*slot = world_realloc(w, *slot, w->blocks[*slot].bytes + a->part.bytes);
	world_lose(w, a->site, 1, a->part.bytes);
}

static void arrive_vector(struct actor *a, struct world *w)
{
	a->used += a->part.bytes;
	world_lose(w, a->site, 1, a->part.bytes);
	if (!a->n_held) {
		a->capacity = 4ull * a->part.bytes;
		hold(a, world_alloc(w, a->site, (uint32_t)a->capacity));
	} else if (a->used > a->capacity) {
		a->capacity *= 2;
		a->held[0] = world_realloc(w, a->held[0], (uint32_t)a->capacity);
	}
}

/* The load forgets itself within `period` of the run; `cap` blocks are one standard deviation. */
static void arrive_high_water(struct actor *a, struct world *w)
{
	double memory = exp(-1 / (a->part.n * a->part.period));

	a->level = memory * a->level + sqrt(1 - memory * memory) * random_normal(&w->random);
	while ((double)a->n_held < (a->level + 2) * a->part.cap)
		hold(a, allocate(a, w));
}

static void arrive_request(struct actor *a, struct world *w)
{
	uint32_t id = allocate(a, w);

	if (a->part.life <= 0)
		lose(w, id);
	else
		world_plan(w, w->now + draw_life(&a->part, &w->random), EVENT_FREE, id);
}

static bool loses(const struct actor *a, struct world *w)
{
	return !a->cache && a->part.keep > 0 && w->now >= a->part.keep_from && random_unit(&w->random) < a->part.keep;
}

void actor_arrive(struct actor *a, struct world *w)
{
	plan_arrival(a, w);
	if (loses(a, w)) {
		lose(w, allocate(a, w));
		return;
	}
	switch (a->part.kind) {
	case KIND_REQUEST:
		arrive_request(a, w);
		break;
	case KIND_FIFO:
		arrive_fifo(a, w);
		break;
	case KIND_REPLACE:
		arrive_replace(a, w);
		break;
	case KIND_LRU:
	case KIND_LFU:
	case KIND_INTERN:
		arrive_cache(a, w);
		break;
	case KIND_BUFFER:
		arrive_buffer(a, w);
		break;
	case KIND_VECTOR:
		arrive_vector(a, w);
		break;
	case KIND_HIGH_WATER:
		arrive_high_water(a, w);
		break;
	case KIND_FLUSH:
		if (a->n_held >= a->part.cap)
			release_all(a, w);
		hold(a, allocate(a, w));
		break;
	case KIND_DRAIN:
		lose(w, allocate(a, w));
		hold(a, (uint32_t)w->n_blocks - 1);
		break;
	default:
		hold(a, allocate(a, w));
	}
}

static void replace_set(struct actor *a, struct world *w)
{
	size_t n_old = a->n_held;

	for (uint32_t i = 0; i < a->part.cap; i++)
		hold(a, allocate(a, w));
	for (size_t i = 0; i < n_old; i++)
		release(a, w, a->held[i]);
	a->n_held -= n_old;
	memmove(a->held, a->held + n_old, a->n_held * sizeof(*a->held));
}

void actor_tick(struct actor *a, struct world *w)
{
	double rest = 1 - a->part.period;

	switch (a->part.kind) {
	case KIND_SWAP:
		replace_set(a, w);
		break;
	case KIND_DRAIN: /* once */
		for (size_t i = 0; i < a->n_held; i++)
			world_plan(w, w->now + random_unit(&w->random) * (rest < DRAIN_TIME ? rest : DRAIN_TIME),
				   EVENT_FREE, a->held[i]);
		return;
	case KIND_CLEAN_UP:
		for (size_t i = 0; i < a->n_held; i++) {
			if (random_unit(&w->random) < a->part.skew)
				release(a, w, a->held[i]);
			else
				lose(w, a->held[i]);
		}
		a->n_held = 0;
		break;
	default:
		release_all(a, w);
	}
	world_plan(w, w->now + a->part.period, EVENT_TICK, a->self);
}
