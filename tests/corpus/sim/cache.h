/*
 * Caches -- entries by key, under look-ups of which some keys are asked for far more often than others.
 *
 * A key's rank r is asked for with a weight of r^-skew (skew 0: all alike). Which entry goes when the cache is
 * full is the policy; KIND_INTERN never lets one go.
 */
#pragma once
#include "behaviour.h"
#include "random.h"

struct cache {
	enum kind policy;
	uint32_t n_keys, cap, n_held, newest, oldest;
	double *sum;		 /* of the weights */
	uint32_t *blocks;	 /* by key; 0: not held */
	uint32_t *uses, *held;	 /* times asked for; the keys held, in no order */
	uint32_t *newer, *older; /* keys in order of use, for KIND_LRU */
	uint32_t *place;	 /* in `held` */
};

struct cache *cache_new(enum kind policy, uint32_t n_keys, uint32_t cap, double skew);
void cache_free(struct cache *cache);
/* A key that is asked for now. True: it is not held, and the caller stores a block for it. */
bool cache_look_up(struct cache *cache, struct random *random, uint32_t *key);
/* Holds a block for the key. Returns a block that has to go for it, or 0. */
uint32_t cache_store(struct cache *cache, struct random *random, uint32_t key, uint32_t block);
