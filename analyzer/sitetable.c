/*
 * The site table. See sitetable.h.
 */
#include "analyzer/sitetable.h"
#include "analyzer/fnv.h"
#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM 64u

void sitetable_fini(struct sitetable *table)
{
	for (uint32_t i = 1; i <= table->n; i++)
		free(table->sites[i].name);
	free(table->sites);
	free(table->places);
	*table = (struct sitetable){0};
}

static bool grow(struct sitetable *table)
{
	uint32_t room = table->room ? 2 * table->room : FIRST_ROOM;
	struct site *sites = reallocarray(table->sites, room, sizeof(*sites));
	uint32_t *places = calloc(4 * (size_t)room, sizeof(*places));

	if (sites)
		table->sites = sites;
	if (!sites || !places) {
		free(places);
		return false;
	}
	free(table->places);
	table->places = places;
	table->n_places = 4 * (size_t)room;
	table->room = room;
	for (uint32_t i = 1; i <= table->n; i++) {
		size_t at = sites[i].hash & (table->n_places - 1);

		while (places[at])
			at = (at + 1) & (table->n_places - 1);
		places[at] = i;
	}
	return true;
}

uint32_t sitetable_find(struct sitetable *table, const char *name, size_t length)
{
	uint64_t hash;
	struct site *site;
	size_t at;

	length = strnlen(name, length);
	hash = fnv_bytes(FNV_START, name, length);
	if (table->n + 1 >= table->room && !grow(table))
		return 0;
	for (at = hash & (table->n_places - 1); table->places[at]; at = (at + 1) & (table->n_places - 1)) {
		site = &table->sites[table->places[at]];
		if (site->hash == hash && strncmp(site->name, name, length) == 0 && !site->name[length])
			return table->places[at];
	}
	site = &table->sites[table->n + 1];
	memset(site, 0, sizeof(*site));
	site->hash = hash;
	site->name = strndup(name, length);
	if (!site->name)
		return 0;
	return table->places[at] = ++table->n;
}
