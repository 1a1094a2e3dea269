/*
 * The live table. See livetable.h.
 */
#include "analyzer/livetable.h"
#include <errno.h>
#include <stdlib.h>

#define FIRST_CAPACITY 1024u

static size_t place_of(const struct livetable *table, uint64_t id)
{
	return (size_t)((id * UINT64_C(0x9e3779b97f4a7c15)) >> 20) & (table->capacity - 1);
}

void livetable_fini(struct livetable *table)
{
	free(table->places);
	*table = (struct livetable){0};
}

/* The block's place, or the free one where it would be. */
static struct live_block *locate(const struct livetable *table, uint64_t id)
{
	size_t i = place_of(table, id);

	while (table->places[i].site && table->places[i].id != id)
		i = (i + 1) & (table->capacity - 1);
	return &table->places[i];
}

struct live_block *livetable_find(const struct livetable *table, uint64_t id)
{
	struct live_block *block = table->capacity ? locate(table, id) : NULL;

	return block && block->site ? block : NULL;
}

static int grow(struct livetable *table)
{
	struct livetable bigger = {.n = table->n, .capacity = table->capacity ? table->capacity * 2 : FIRST_CAPACITY};

	bigger.places = calloc(bigger.capacity, sizeof(*bigger.places));
	if (!bigger.places)
		return -ENOMEM;
	for (size_t i = 0; i < table->capacity; i++)
		if (table->places[i].site)
			*locate(&bigger, table->places[i].id) = table->places[i];
	free(table->places);
	*table = bigger;
	return 0;
}

int livetable_add(struct livetable *table, const struct live_block *block)
{
	struct live_block *place;
	int r = table->n + 1 > table->capacity / 2 ? grow(table) : 0;

	if (r < 0)
		return r;
	place = locate(table, block->id);
	if (place->site)
		return -EEXIST;
	*place = *block;
	table->n++;
	return 0;
}

bool livetable_take(struct livetable *table, uint64_t id, struct live_block *block)
{
	struct live_block *place = livetable_find(table, id);
	size_t mask = table->capacity - 1, gap, i;

	if (!place)
		return false;
	*block = *place;
	table->n--;
	gap = i = (size_t)(place - table->places);
	for (;;) {
		i = (i + 1) & mask;
		if (!table->places[i].site)
			break;
		/* May this one move into the gap? Not if its own place lies between the gap and where it is. */
		if (((i - place_of(table, table->places[i].id)) & mask) < ((i - gap) & mask))
			continue;
		table->places[gap] = table->places[i];
		gap = i;
	}
	table->places[gap].site = 0;
	return true;
}
