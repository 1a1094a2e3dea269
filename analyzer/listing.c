/*
 * Listings -- see listing.h.
 */
#include "analyzer/listing.h"
#include "analyzer/modulepath.h"
#include <errno.h>
#include <stdlib.h>

/* Counters wrap while threads hand blocks around; only their difference tells. Less than nothing is nothing. */
static uint64_t live(uint64_t allocated, uint64_t freed)
{
	return (int64_t)(allocated - freed) > 0 ? allocated - freed : 0;
}

static bool counts_anything(const struct wire_counts *counts)
{
	return counts->allocated_blocks || counts->allocated_bytes || counts->freed_blocks || counts->freed_bytes;
}

static void add_counts(struct wire_counts *to, const struct wire_counts *from)
{
	to->allocated_blocks += from->allocated_blocks;
	to->allocated_bytes += from->allocated_bytes;
	to->freed_blocks += from->freed_blocks;
	to->freed_bytes += from->freed_bytes;
}

static unsigned verdict_rank(uint32_t state)
{
	return state == VERDICT_LEAK ? 0 : state == VERDICT_GROWTH ? 1 : 2;
}

bool listing_is_bad(const struct listed_callsite *callsite)
{
	return verdict_rank(callsite->verdict.state) < 2;
}

void listing_add(struct listed_callsite *sum, const struct listed_callsite *callsite)
{
	add_counts(&sum->counts, &callsite->counts);
	variances_add(&sum->variances, &callsite->variances);
	sum->live_bytes += callsite->live_bytes;
	sum->live_blocks += callsite->live_blocks;
}

static void merge(struct listed_callsite *to, const struct listed_callsite *from)
{
	unsigned mine = verdict_rank(to->verdict.state), other = verdict_rank(from->verdict.state);

	add_counts(&to->counts, &from->counts);
	variances_add(&to->variances, &from->variances);
	to->flags |= from->flags;
	if (other < mine || (other == mine && from->verdict.score > to->verdict.score)) {
		to->verdict = from->verdict;
		if (from->evidence)
			to->evidence = from->evidence;
	}
	if (!to->evidence)
		to->evidence = from->evidence;
}

static bool is_agent_frame(const struct process *process, uint64_t frame)
{
	uint64_t id = frame >> FRAME_MODULE_SHIFT;

	return id && id < process->n_modules && module_is_agent(&process->modules[id]);
}

/* The callsite's frames without the agent's, copied to `frames`. */
static void list_callsite(struct listed_callsite *listed, const struct process *process, uint32_t id, uint64_t *frames)
{
	const struct callsite *callsite = &process->callsites[id];

	*listed = (struct listed_callsite){.frames = frames, .flags = callsite->flags, .id = id};
	listed->counts = callsite_counts(callsite);
	callsite_add_variances(callsite, &listed->variances);
	listed->verdict = callsite->verdict;
	listed->evidence = callsite->evidence.callsite ? &callsite->evidence : NULL;
	for (uint32_t i = 0; callsite->frames && i < callsite->n_frames; i++)
		if (!is_agent_frame(process, callsite->frames[i]))
			frames[listed->n_frames++] = callsite->frames[i];
	if (!callsite->frames)
		listed->flags |= STACK_INCOMPLETE;
}

static int compare(const void *a, const void *b)
{
	const struct listed_callsite *x = a, *y = b;
	unsigned x_rank = verdict_rank(x->verdict.state), y_rank = verdict_rank(y->verdict.state);

	if (x_rank != y_rank)
		return x_rank < y_rank ? -1 : 1;
	if (x->live_bytes != y->live_bytes)
		return x->live_bytes > y->live_bytes ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

static int list_all(struct listing *listing, const struct process *process)
{
	struct listed_callsite *known = NULL;
	uint64_t *frames = listing->frames;
	int r = 0;

	for (uint32_t id = 1; id < process->n_callsites && r == 0; id++) {
		struct listed_callsite *entry = &listing->callsites[listing->n], *same = NULL;

		if (!counts_anything(&process->callsites[id].counts))
			continue;
		list_callsite(entry, process, id, frames);
		HASH_FIND(hh, known, entry->frames, entry->n_frames * sizeof(uint64_t), same);
		if (same) {
			merge(same, entry);
			continue;
		}
		HASH_ADD_KEYPTR(hh, known, entry->frames, entry->n_frames * sizeof(uint64_t), entry);
		if (!entry->hh.tbl)
			r = -ENOMEM;
		frames += entry->n_frames;
		listing->n++;
	}
	HASH_CLEAR(hh, known);
	return r;
}

static void note_modules(struct listing *listing, const struct process *process, const struct listed_callsite *entry)
{
	for (uint32_t i = 0; i < entry->n_frames; i++)
		if (entry->frames[i] >> FRAME_MODULE_SHIFT < process->n_modules)
			listing->modules[entry->frames[i] >> FRAME_MODULE_SHIFT] = true;
}

int listing_init(struct listing *listing, const struct process *process)
{
	size_t n = 0, n_frames = 0;
	int r;

	*listing = (struct listing){0};
	for (uint32_t id = 1; id < process->n_callsites; id++) {
		n += counts_anything(&process->callsites[id].counts);
		n_frames += process->callsites[id].n_frames;
	}
	listing->callsites = calloc(n ? n + 1 : 1, sizeof(*listing->callsites));
	listing->frames = calloc(n_frames ? n_frames : 1, sizeof(*listing->frames));
	listing->modules = calloc(process->n_modules + 1u, sizeof(*listing->modules));
	r = listing->callsites && listing->frames && listing->modules ? list_all(listing, process) : -ENOMEM;
	if (r < 0) {
		listing_fini(listing);
		return r;
	}
	for (size_t i = 0; i < listing->n; i++) {
		struct listed_callsite *entry = &listing->callsites[i];

		entry->live_bytes = live(entry->counts.allocated_bytes, entry->counts.freed_bytes);
		entry->live_blocks = live(entry->counts.allocated_blocks, entry->counts.freed_blocks);
		add_counts(&listing->totals, &entry->counts);
		variances_add(&listing->variances, &entry->variances);
		note_modules(listing, process, entry);
	}
	listing->live_bytes = live(listing->totals.allocated_bytes, listing->totals.freed_bytes);
	listing->live_blocks = live(listing->totals.allocated_blocks, listing->totals.freed_blocks);
	qsort(listing->callsites, listing->n, sizeof(*listing->callsites), compare);
	return 0;
}

void listing_fini(struct listing *listing)
{
	free(listing->callsites);
	free(listing->frames);
	free(listing->modules);
	*listing = (struct listing){0};
}
