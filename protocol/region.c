/*
 * The region -- reading side.
 *
 * Guarantees: every byte of the view may be anything, and may change while it is read: a length
 * is loaded once, checked, and only then used; nothing outside the view is touched. Costs: one
 * line read a record, some 15 ns; region_sum two passes over the counters.
 */
#include "protocol/region.h"
#include <errno.h>

#define AHEAD 4096u

int region_check(const struct region_view *view)
{
	const struct region_header *header = region_header(view);

	if (view->size < REGION_HEADER_SIZE || header->magic != REGION_MAGIC || header->version != REGION_VERSION ||
	    header->header_size != REGION_HEADER_SIZE)
		return -EBADMSG;
	return 0;
}

/* Where the records end: what the header says, if the view has as much. */
static uint64_t records_end(const struct region_view *view)
{
	uint64_t used;

	if (view->size < REGION_HEADER_SIZE)
		return 0;
	used = __atomic_load_n(&region_header(view)->used, __ATOMIC_ACQUIRE);
	if (used > view->size)
		used = view->size;
	return used & ~(uint64_t)(REGION_LINE - 1);
}

static const struct region_record *record_at(const struct region_view *view, uint64_t offset)
{
	return (const struct region_record *)(view->base + offset);
}

static uint32_t length_of(const struct region_record *record)
{
	return __atomic_load_n(&record->length, __ATOMIC_ACQUIRE);
}

/* Does a ready record of `length` bytes hold what its kind says? */
static bool record_valid(const struct region_record *record, uint32_t kind, uint64_t length)
{
	const struct region_module *module = (const struct region_module *)record;
	const struct region_callsite *callsite = (const struct region_callsite *)record;
	const struct region_counters *counters = (const struct region_counters *)record;

	switch (kind) {
	case REGION_MODULE:
		return length >= sizeof(*module) && module->module.path_length <= length - sizeof(*module) &&
		       module->module.build_id_length <= sizeof(module->module.build_id);
	case REGION_CALLSITE:
		return length >= sizeof(*callsite) && callsite->n_frames <= (length - sizeof(*callsite)) / 8 &&
		       callsite->id >= 1 && callsite->id < REGION_CALLSITES;
	case REGION_COUNTERS:
		return length >= sizeof(*counters) && counters->first_callsite % REGION_CELLS == 0 &&
		       counters->first_callsite < REGION_CALLSITES;
	case REGION_EVIDENCE:
		return length >= sizeof(struct region_evidence);
	}
	return false;
}

/*
 * Lines gap..offset had no length when we stepped over them. If a writer has given one of them
 * its length since, what we take for a record at `offset` is the inside of that writer's record:
 * go back there. Lengths are written before bodies, so a body seen means a length seen.
 */
static uint64_t gap_recheck(const struct region_view *view, uint64_t gap, uint64_t offset)
{
	for (; gap < offset; gap += REGION_LINE)
		if (length_of(record_at(view, gap)))
			return gap;
	return offset;
}

/* Each record says where the next one is, so the walk waits for memory at every step: have it come before. */
static void read_ahead(const struct region_view *view, uint64_t at, uint32_t length, uint64_t end)
{
	uint64_t line;

	for (line = at + AHEAD; line < at + AHEAD + length && line < end; line += REGION_LINE)
		__builtin_prefetch(view->base + line);
}

const struct region_record *region_next_ready(const struct region_view *view, uint64_t *offset, uint64_t *pending)
{
	uint64_t end = records_end(view), at = *offset, gap = UINT64_MAX, back;

	if (at < REGION_HEADER_SIZE)
		at = REGION_HEADER_SIZE;
	at = REGION_ROUND(at);
	while (at < end) {
		const struct region_record *record = record_at(view, at);
		uint32_t kind = __atomic_load_n(&record->kind, __ATOMIC_ACQUIRE);
		uint32_t length = length_of(record);
		bool fits = length >= REGION_LINE && length % REGION_LINE == 0 && length <= end - at;

		if ((kind || length) && gap != UINT64_MAX) {
			back = gap_recheck(view, gap, at);
			gap = UINT64_MAX;
			if (back != at) {
				at = back;
				continue;
			}
		}
		if (kind == REGION_PENDING && at < *pending)
			*pending = at;
		if (!kind && !length && gap == UINT64_MAX)
			gap = at;
		read_ahead(view, at, fits ? length : REGION_LINE, end);
		at += fits ? length : REGION_LINE;
		if (fits && kind != REGION_PENDING && record_valid(record, kind, length)) {
			*offset = at;
			return record;
		}
	}
	*offset = at;
	return NULL;
}

const struct region_record *region_next(const struct region_view *view, uint64_t *offset)
{
	uint64_t pending = UINT64_MAX;

	return region_next_ready(view, offset, &pending);
}

void region_add(const struct region_counters *counters, struct region_cell *sums, uint32_t n_sums, bool freed)
{
	uint32_t first = counters->first_callsite, i;

	for (i = 0; i < REGION_CELLS && first < n_sums && i < n_sums - first; i++) {
		const struct region_cell *cell = &counters->cells[i];
		struct region_cell *sum = &sums[first + i];

		if (first + i == 0)
			continue;
		if (freed) {
			sum->freed_blocks += __atomic_load_n(&cell->freed_blocks, __ATOMIC_ACQUIRE);
			sum->freed_bytes += __atomic_load_n(&cell->freed_bytes, __ATOMIC_ACQUIRE);
		} else {
			sum->allocated_blocks += __atomic_load_n(&cell->allocated_blocks, __ATOMIC_ACQUIRE);
			sum->allocated_bytes += __atomic_load_n(&cell->allocated_bytes, __ATOMIC_ACQUIRE);
		}
	}
}

void region_sum(const struct region_view *view, struct region_cell *sums, uint32_t n_sums)
{
	const struct region_record *record;
	uint64_t offset;
	int pass;

	for (pass = 0; pass < 2; pass++)
		for (offset = 0; (record = region_next(view, &offset));)
			if (record->kind == REGION_COUNTERS)
				region_add((const struct region_counters *)record, sums, n_sums, pass == 0);
}

uint32_t region_callsite_bound(const struct region_view *view)
{
	const struct region_record *record;
	uint64_t offset = 0;
	uint32_t bound = 1;

	while ((record = region_next(view, &offset))) {
		uint32_t id = ((const struct region_callsite *)record)->id;

		if (record->kind == REGION_CALLSITE && id >= bound && id < REGION_CALLSITES)
			bound = id + 1;
	}
	return bound;
}
