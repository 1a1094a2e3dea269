/*
 * Sums. See sums.h.
 */
#include "agent/sums.h"
#include "agent/callsite.h"
#include "agent/store.h"
#include <string.h>

#define AHEAD 64u /* groups fetched before they are read */

struct known {
	const struct region_counters *record;
	uint32_t next; /* of the same group, as in heads; those of later threads come first */
};

static struct known *known_at(const struct sums *s, uint32_t head)
{
	return (struct known *)s->known.base + (head - 1);
}

static uint32_t *head_of(const struct sums *s, uint32_t group)
{
	return (uint32_t *)s->heads.base + group;
}

static uint32_t group_of(const struct region_counters *record)
{
	return record->first_callsite / REGION_CELLS;
}

/* Those behind the first record that was not ready the last time are found once more. */
static void forget_behind(struct sums *s)
{
	for (; s->n_known; s->n_known--) {
		const struct known *last = known_at(s, s->n_known);

		if ((uint64_t)((const char *)last->record - (const char *)store) < s->known_to)
			return;
		*head_of(s, group_of(last->record)) = last->next;
	}
}

static bool add(struct sums *s, const struct region_counters *record)
{
	uint32_t group = group_of(record), *head;

	if (!memory_room(&s->known, s->n_known + 1, sizeof(struct known)) ||
	    !memory_room(&s->heads, group + 1, sizeof(*head)))
		return false;
	head = head_of(s, group);
	s->n_known++;
	*known_at(s, s->n_known) = (struct known){record, *head};
	*head = s->n_known;
	return true;
}

static bool find_records(struct sums *s)
{
	struct region_view view = store_view();
	uint64_t offset = s->known_to, pending = UINT64_MAX;
	const struct region_record *record;

	forget_behind(s);
	while ((record = region_next_ready(&view, &offset, &pending)))
		if (record->kind == REGION_COUNTERS && !add(s, (const struct region_counters *)record))
			return false;
	s->known_to = offset < pending ? offset : pending;
	return true;
}

static void fetch(const struct sums *s, uint32_t group)
{
	uint32_t head = group < s->heads.room ? *head_of(s, group) : 0;
	const char *record = head ? (const char *)known_at(s, head)->record : NULL;

	for (unsigned line = 0; record && line < sizeof(struct region_counters); line += REGION_LINE)
		__builtin_prefetch(record + line);
}

/* A group at a time: its cells are zeroed where they are just going to be written. */
static void add_group(struct sums *s, uint32_t group)
{
	struct region_cell *cells = s->cells.base;
	uint32_t first = group * REGION_CELLS, head = group < s->heads.room ? *head_of(s, group) : 0;
	uint32_t n = s->n - first < REGION_CELLS ? s->n - first : REGION_CELLS;

	fetch(s, group + AHEAD);
	memset(cells + first, 0, n * sizeof(*cells));
	for (uint32_t i = head; i; i = known_at(s, i)->next)
		region_add(known_at(s, i)->record, cells, s->n, true);
	for (uint32_t i = head; i; i = known_at(s, i)->next)
		region_add(known_at(s, i)->record, cells, s->n, false);
}

bool sums_take(struct sums *s)
{
	uint32_t n = callsite_count() + 1;
	bool all = memory_room(&s->cells, n, sizeof(struct region_cell));

	s->n = all ? n : s->cells.room;
	all = find_records(s) && all;
	for (uint32_t group = 0; group * REGION_CELLS < s->n; group++)
		add_group(s, group);
	return all;
}

void sums_postfork_child(struct sums *s)
{
	if (s->heads.room)
		memset(s->heads.base, 0, s->heads.room * sizeof(uint32_t));
	s->n_known = 0;
	s->known_to = 0;
}
