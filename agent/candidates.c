/*
 * Candidates. See candidates.h.
 */
#include "agent/candidates.h"
#include "agent/blockwalk.h"
#include "agent/callsite.h"
#include "agent/memory.h"
#include "agent/store.h"
#include "detector/marks.h"
#include <string.h>

#define REPLACED_MOST 64u /* at one epoch's end; each costs a look at all */

static struct candidate *candidates[CANDIDATES_MOST]; /* those beyond n are memory to be used again */
static uint32_t n, n_left_out;
static struct memory_array rows;  /* by callsite, a uint16_t: 1 + its index; 0: no candidate */
static struct memory_array sites; /* by callsite, a struct mark_site; none while there are no marks */

struct candidate *candidate_at(uint32_t index)
{
	return candidates[index];
}

uint32_t candidates_count(void)
{
	return n;
}

uint32_t candidates_left_out(void)
{
	return n_left_out;
}

static uint32_t callsite_of(uint32_t index)
{
	return candidates[index]->row.found.callsite;
}

static uint16_t *row_of(uint32_t callsite)
{
	return (uint16_t *)rows.base + callsite;
}

static bool callsites_room(uint32_t n_callsites)
{
	return memory_room(&rows, n_callsites, sizeof(uint16_t));
}

void candidates_read(const struct calendar *calendar, const struct region_cell *sums, uint32_t n_sums)
{
	for (uint32_t i = 0; i < n; i++)
		if (callsite_of(i) < n_sums)
			evidence_read(&candidates[i]->row, calendar, &sums[callsite_of(i)]);
}

static struct candidate *make(void)
{
	struct candidate *c = candidates[n];

	if (!c) {
		c = candidates[n] = memory_take(sizeof(*c));
		if (!c)
			return NULL;
	}
	if (!c->record) {
		c->record = store_record(sizeof(*c->record));
		if (c->record)
			store_ready(&c->record->record, REGION_EVIDENCE);
	}
	n++;
	return c;
}

static bool is_bad(const struct candidate *c)
{
	return c->row.found.state == VERDICT_LEAK || c->row.found.state == VERDICT_GROWTH || c->row.found.in_a_row;
}

/* The one with the fewest live bytes, of those that nothing is said against. */
static uint32_t least(void)
{
	uint32_t found = n;

	for (uint32_t i = 0; i < n; i++)
		if (!is_bad(candidates[i]) &&
		    (found == n || candidates[i]->row.live_bytes < candidates[found]->row.live_bytes))
			found = i;
	return found;
}

/* What was said of the callsite is said no more. */
static void leave(uint32_t index)
{
	struct region_callsite *callsite = callsite_record(callsite_of(index));

	if (candidates[index]->record)
		__atomic_store_n(&candidates[index]->record->evidence.callsite, 0, __ATOMIC_RELEASE);
	if (callsite) {
		callsite->score = callsite->growth_bytes_per_hour = callsite->r2 = 0;
		callsite->state = VERDICT_INCONCLUSIVE;
	}
	*row_of(callsite_of(index)) = 0;
}

/*
 * An index for a callsite with so many live bytes; n: it is left out. Where all have a row, twice the live bytes of
 * the least one are worth one; *least_one is that, n when it is to be found.
 */
static uint32_t room_for(uint64_t live_bytes, uint32_t *least_one, unsigned *n_replaced)
{
	uint32_t i = *least_one;

	if (n < CANDIDATES_MOST)
		return make() ? n - 1 : n;
	if (*n_replaced == REPLACED_MOST)
		return n;
	if (i == n && (i = *least_one = least()) == n)
		return n;
	if (candidates[i]->row.live_bytes >= live_bytes / 2)
		return n;
	leave(i);
	*least_one = n;
	++*n_replaced;
	return i;
}

static void enter(const struct calendar *calendar, uint32_t index, uint32_t callsite, const struct region_cell *sums)
{
	struct candidate *c = candidates[index];

	evidence_begin(&c->row, calendar, callsite, sums);
	*row_of(callsite) = (uint16_t)(index + 1);
}

void candidates_enter(const struct calendar *calendar, const struct region_cell *sums, uint32_t n_sums)
{
	uint32_t least_one = CANDIDATES_MOST;
	unsigned n_replaced = 0;

	if (!callsites_room(n_sums))
		return;
	n_left_out = 0;
	for (uint32_t i = 1; i < n_sums; i++) {
		uint32_t index;

		if (*row_of(i) || !evidence_is_candidate(&sums[i]))
			continue;
		index = room_for(sums[i].allocated_bytes - sums[i].freed_bytes, &least_one, &n_replaced);
		if (index < n)
			enter(calendar, index, i, &sums[i]);
		else
			n_left_out++;
	}
}

void candidates_mark(const struct calendar *calendar, const struct region_cell *sums, uint32_t n_sums)
{
	uint32_t least_one = CANDIDATES_MOST, index;
	unsigned n_replaced = 0;

	if (!callsites_room(n_sums) || !memory_room(&sites, n_sums, sizeof(struct mark_site)))
		return;
	for (uint32_t i = 1; i < n_sums; i++) {
		int64_t blocks = (int64_t)(sums[i].allocated_blocks - sums[i].freed_blocks);
		int64_t bytes = (int64_t)(sums[i].allocated_bytes - sums[i].freed_bytes);
		struct mark_site *site = (struct mark_site *)sites.base + i;
		bool grows = mark_site_note(site, blocks > 0 ? (uint64_t)blocks : 0, bytes > 0 ? (uint64_t)bytes : 0);

		if (!*row_of(i) && grows && (index = room_for(UINT64_MAX, &least_one, &n_replaced)) < n)
			enter(calendar, index, i, &sums[i]);
		if (*row_of(i))
			mark_site_tell(site, &candidates[*row_of(i) - 1]->row.found);
	}
}

static void visit(void *context, uint32_t callsite, uint8_t birth, uint32_t n_blocks, uint64_t bytes)
{
	uint32_t row = callsite < rows.room ? *row_of(callsite) : 0;

	evidence_count_many(context, row ? &candidates[row - 1]->row : NULL, birth, n_blocks, bytes);
}

bool candidates_walk(struct calendar *calendar, uint64_t now_ns, const int *stop)
{
	calendar_walk_begin(calendar, now_ns);
	for (uint32_t i = 0; i < n; i++)
		evidence_count_begin(&candidates[i]->row, calendar);
	if (!blockwalk_resident(visit, calendar, stop))
		return false;
	calendar_walk_end(calendar);
	for (uint32_t i = 0; i < n; i++)
		evidence_count_end(&candidates[i]->row, calendar);
	return true;
}

void candidates_postfork_child(void)
{
	for (uint32_t i = 0; i < n; i++)
		leave(i);
	n = n_left_out = 0;
	sites = (struct memory_array){0}; /* what the parent's thread was doing with it nobody knows */
}
