/*
 * Caches, see cache.h. Keys count from 1, so that 0 is none.
 */
#include "cache.h"
#include <stdio.h>
#include <stdlib.h>

static void *table(uint32_t n, size_t size)
{
	void *p = calloc(n + 1, size);

	if (!p) {
		fputs("simulate: out of memory\n", stderr);
		exit(1);
	}
	return p;
}

struct cache *cache_new(enum kind policy, uint32_t n_keys, uint32_t cap, double skew)
{
	struct cache *c = table(0, sizeof(*c));

	c->policy = policy;
	c->n_keys = n_keys;
	c->cap = cap;
	c->sum = table(n_keys, sizeof(*c->sum));
	c->blocks = table(n_keys, sizeof(*c->blocks));
	c->uses = table(n_keys, sizeof(*c->uses));
	c->held = table(n_keys, sizeof(*c->held));
	c->newer = table(n_keys, sizeof(*c->newer));
	c->older = table(n_keys, sizeof(*c->older));
	c->place = table(n_keys, sizeof(*c->place));
	for (uint32_t i = 1; i <= n_keys; i++)
		c->sum[i] = c->sum[i - 1] + pow(i, -skew);
	return c;
}

void cache_free(struct cache *c)
{
	if (!c)
		return;
	free(c->sum);
	free(c->blocks);
	free(c->uses);
	free(c->held);
	free(c->newer);
	free(c->older);
	free(c->place);
	free(c);
}

static void unlink_key(struct cache *c, uint32_t key)
{
	uint32_t newer = c->newer[key], older = c->older[key];

	*(newer ? &c->older[newer] : &c->newest) = older;
	*(older ? &c->newer[older] : &c->oldest) = newer;
}

static void make_newest(struct cache *c, uint32_t key)
{
	c->newer[key] = 0;
	c->older[key] = c->newest;
	*(c->newest ? &c->newer[c->newest] : &c->oldest) = key;
	c->newest = key;
}

bool cache_look_up(struct cache *c, struct random *random, uint32_t *key)
{
	double wanted = random_unit(random) * c->sum[c->n_keys];
	uint32_t low = 1, high = c->n_keys;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (c->sum[middle] < wanted)
			low = middle + 1;
		else
			high = middle;
	}
	*key = low;
	c->uses[low]++;
	if (!c->blocks[low])
		return true;
	unlink_key(c, low);
	make_newest(c, low);
	return false;
}

static uint32_t victim(const struct cache *c, struct random *random)
{
	uint32_t best = 0;

	if (c->policy == KIND_LRU)
		return c->oldest;
	for (unsigned i = 0; i < 5; i++) {
		uint32_t key = c->held[random_below(random, c->n_held)];

		if (!best || c->uses[key] < c->uses[best])
			best = key;
	}
	return best;
}

uint32_t cache_store(struct cache *c, struct random *random, uint32_t key, uint32_t block)
{
	uint32_t evicted = 0;

	if (c->policy != KIND_INTERN && c->n_held >= c->cap) {
		uint32_t gone = victim(c, random);

		evicted = c->blocks[gone];
		c->blocks[gone] = 0;
		unlink_key(c, gone);
		c->held[c->place[gone]] = c->held[--c->n_held];
		c->place[c->held[c->n_held]] = c->place[gone];
	}
	c->blocks[key] = block;
	c->place[key] = c->n_held;
	c->held[c->n_held++] = key;
	make_newest(c, key);
	return evicted;
}
