/*
 * Judging. See judge.h.
 */
#include "agent/judge.h"
#include "agent/callsite.h"
#include "agent/history.h"
#include "agent/memory.h"
#include "agent/process.h"
#include "agent/store.h"
#include "detector/verdict.h"

#define CANDIDATE_BLOCKS 8u
#define CANDIDATES 4096u

struct candidate {
	struct series series;
	uint32_t callsite;
	uint64_t values[];
};

static struct detector detector __attribute__((aligned(16)));
static bool ready;
static struct candidate **candidates; /* in order of their entry */
static uint32_t n_candidates;
static uint8_t *is_candidate; /* a bit by callsite */
static uint32_t n_bits;

static bool begin(void)
{
	void *storage;

	if (ready)
		return true;
	storage = memory_map(detector_storage_size(&options));
	if (!candidates)
		candidates = memory_map(CANDIDATES * sizeof(*candidates));
	if (!storage || !candidates)
		return false;
	detector_init(&detector, &options, storage);
	ready = true;
	return true;
}

void judge_reset(void)
{
	ready = false;
	n_candidates = 0;
	is_candidate = NULL;
	n_bits = 0;
}

void judge_configure(void)
{
	if (ready)
		detector_configure(&detector, &options);
}

static bool bits_room(uint32_t n)
{
	uint32_t more = n_bits ? n_bits : 8192;
	uint8_t *bits;

	if (n <= n_bits)
		return true;
	while (more < n)
		more *= 2;
	bits = memory_map(more / 8);
	if (!bits)
		return false;
	for (uint32_t i = 0; i < n_bits / 8; i++)
		bits[i] = is_candidate[i];
	memory_unmap(is_candidate, n_bits / 8);
	is_candidate = bits;
	n_bits = more;
	return true;
}

static void enter(uint32_t callsite)
{
	struct candidate *c = memory_take(sizeof(*c) + detector.axis.capacity * sizeof(uint64_t));

	if (!c)
		return;
	c->callsite = callsite;
	series_init(&c->series, c->values);
	candidates[n_candidates++] = c;
	is_candidate[callsite / 8] |= (uint8_t)(1u << callsite % 8);
}

static void find_candidates(const struct region_cell *sums, uint32_t n)
{
	if (!bits_room(n))
		return;
	for (uint32_t i = 1; i < n && n_candidates < CANDIDATES; i++)
		if ((int64_t)(sums[i].allocated_blocks - sums[i].freed_blocks) >= CANDIDATE_BLOCKS &&
		    !(is_candidate[i / 8] & 1u << i % 8))
			enter(i);
}

/* `next`: the detector has taken this sample into its window, so the callsites' series get theirs. */
static void judge_callsites(const struct region_cell *sums, uint32_t n, bool next, bool at_end)
{
	struct wire_callsite_verdict v;
	struct region_callsite *record;
	uint64_t live;

	if (next)
		find_candidates(sums, n);
	for (uint32_t i = 0; i < n_candidates; i++) {
		struct candidate *c = candidates[i];

		live = c->callsite < n ? sums[c->callsite].allocated_bytes - sums[c->callsite].freed_bytes : 0;
		if (next)
			series_push(&c->series, &detector.axis, (int64_t)live < 0 ? 0 : live);
		record = callsite_record(c->callsite);
		if (!record)
			continue;
		detector_callsite(&detector, &c->series, c->callsite, at_end, &v);
		record->score = v.score;
		record->growth_bytes_per_hour = v.growth_bytes_per_hour;
		record->r2 = v.r2;
		record->state = v.state;
	}
}

void judge_sample(const struct wire_sample *sample, const struct region_cell *sums, uint32_t n_sums, bool at_end)
{
	struct wire_verdict verdict;
	bool next;

	if (!begin())
		return;
	next = detector_sample(&detector, sample);
	if (next || at_end)
		judge_callsites(sums, n_sums, next, at_end);
	detector_verdict(&detector, at_end, &verdict);
	history_set_verdict(&verdict);
}
