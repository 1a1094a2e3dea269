/*
 * Background, see background.h.
 */
#include "background.h"
#include <stdio.h>

#define FOR_EVER .life = 1e9

/* Sizes are drawn; counts, lives and periods are varied. All of them settle before half of the run. */
static const struct part kinds[] = {
	{"static", .n = 40, .to = 0.02, FOR_EVER},
	{"churn", .n = 400, .life = 0.002},
	{"session", .n = 300, .life = 0.02, .spread = SPREAD_LOGNORMAL},
	{"heavy_tail", .n = 300, .life = 0.01, .spread = SPREAD_PARETO},
	{"wave", .n = 500, .shape = SHAPE_WAVE, .a = 0.2, .b = 0.8, .life = 0.01},
	{"surge", .n = 300, .shape = SHAPE_SURGES, .a = 0.05, .life = 0.01},
	{"warm_up", .n = 150, .shape = SHAPE_DECAY, .a = 0.06, FOR_EVER},
	{"step", .n = 20, .shape = SHAPE_STEPS, .a = 0.15, FOR_EVER},
	{"late_step", .n = 20, .shape = SHAPE_STEPS, .a = 0.4, FOR_EVER},
	{"ring", .kind = KIND_FIFO, .n = 400, .cap = 100},
	{"replace", .kind = KIND_REPLACE, .n = 400, .cap = 60},
	{"lru", .kind = KIND_LRU, .n = 600, .keys = 300, .cap = 60, .skew = 0.8},
	{"lfu", .kind = KIND_LFU, .n = 600, .keys = 300, .cap = 60, .skew = 0.8},
	{"intern", .kind = KIND_INTERN, .n = 900, .keys = 60, .skew = 0.5},
	{"batch", .kind = KIND_BATCH, .n = 600, .period = 0.03},
	{"swap", .kind = KIND_SWAP, .cap = 30, .period = 0.05},
	{"flush", .kind = KIND_FLUSH, .n = 600, .cap = 50},
	{"vector", .kind = KIND_VECTOR, .n = 200, .to = 0.2},
	{"buffer", .kind = KIND_BUFFER, .n = 100, .to = 0.2, .cap = 2},
	{"high_water", .kind = KIND_HIGH_WATER, .n = 400, .cap = 8, .period = 0.005},
};

struct part background_draw(struct random *random, char *name, size_t size, unsigned number)
{
	struct part part = kinds[random_below(random, sizeof(kinds) / sizeof(kinds[0]))];
	double rate = exp(random_between(random, -1.2, 1.2));

	snprintf(name, size, "%s_%u", part.site, number);
	part.site = name;
	part.n *= rate;
	if (part.kind != KIND_HIGH_WATER && part.kind != KIND_BUFFER) {
		part.cap = (uint32_t)(part.cap * rate) + (part.cap > 0);
		part.keys = (uint32_t)(part.keys * rate) + (part.keys > 0);
	}
	part.bytes = (uint32_t)exp(random_between(random, 2.8, 8.3));
	part.life *= random_between(random, 0.5, 2);
	part.period *= random_between(random, 0.5, 2);
	part.uneven = random_unit(random) < 0.3;
	return part;
}
