/*
 * The live table -- the blocks that are live at a moment of a replay, by id.
 *
 * Open addressing; a free closes its gap, so that a look-up never passes what is gone. Cost: one or two cache misses.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct live_block {
	uint64_t id;
	uint64_t bytes;
	uint32_t site; /* 0: this place is free */
	uint8_t birth;
};

struct livetable {
	struct live_block *places;
	size_t n, capacity; /* capacity: a power of two, or 0 */
};

void livetable_fini(struct livetable *table);
struct live_block *livetable_find(const struct livetable *table, uint64_t id);
/* -EEXIST: this id is live. -ENOMEM. */
int livetable_add(struct livetable *table, const struct live_block *block);
/* Takes it out: *block is what it was. False: no such block. */
bool livetable_take(struct livetable *table, uint64_t id, struct live_block *block);
