/*
 * The verdict -- samples and findings in, state, severity and reasons out.
 *
 * States, first match wins:
 *
 *   leak          a callsite is a leak (findings.h)
 *   growth        a callsite grows
 *   external      RSS grows, and it is mappings, stacks, files or shared memory (footprint.h)
 *   retention     the allocator keeps what the process has freed (footprint.h)
 *   inconclusive  too little has been seen; or a callsite is suspected, but `hold` is not over
 *   warm_up       callsites that came to rest after growing hold a tenth of the live bytes or more
 *   stable        else
 *
 * Where no findings were ever made (no map of blocks, no thread), the plain rules judge: rule B on live bytes or RSS
 * above `leak_score` is a leak, where live bytes' slope explains 30 % of RSS's; else it is outside the C library's heap
 * or retained by it; before `hold` it is inconclusive.
 *
 * Severity, highest match wins; rules A and B are defined in regression.h:
 *
 *   critical      RSS has reached the limit (rule A); or rule A's rate over its full 10 minutes is above `leak_rate`;
 * or the time to the limit is below `predict` warning       leak or growth; or RSS is more than `growth_limit` above
 * the baseline (rule A); or rule B's score of RSS or live bytes is above `leak_score`; held or not normal        else
 *
 * The limit is the smaller of `rss_limit` and the cgroup's, as far as they are set. The time to it comes from rule
 * A's slope when that has min_samples, else from rule B's when that has, else there is none; its 80 % interval from
 * Theil and Sen's slope of RSS's troughs.
 *
 * No I/O, no clock, no allocation. Context: any, one thread at a time (the agent's sampler thread). Cost: well
 * below a microsecond a sample, some 20 a verdict.
 */
#pragma once
#include "detector/findings.h"
#include "detector/footprint.h"
#include "detector/regression.h"
#include "protocol/options.h"
#include <stdbool.h>

struct detector {
	/* What the options say. */
	struct rule_b rule_b;
	double leak_score, leak_rate;
	uint64_t interval_ns, rss_limit, growth_limit, hold_ns, predict_ns;
	/* Rule B's window. */
	struct series_axis axis;
	struct series rss, live, heap, shared;
	struct rule_a rule_a;
	/* Evidence: the caller ticks the calendar and makes the findings as evidence.h says. */
	struct calendar calendar;
	struct findings findings;
	struct footprint footprint;
	/* The newest sample, and since when a score has been above leak_score (UINT64_MAX: it is not). */
	uint64_t time_ns, newest_rss, heap_free, cgroup_limit;
	uint64_t above_since_ns;
	bool started;
};

/* Bytes that detector_init wants, 8-byte aligned, zeroed or not: 40 times the window. */
size_t detector_storage_size(const struct options *options);
/* The struct (16-byte aligned) and the storage must stay where they are from here on. */
void detector_init(struct detector *d, const struct options *options, void *storage);
/* detector_init, for a forked child: birth numbers below `taken` are in use (calendar.h). */
void detector_init_child(struct detector *d, const struct options *options, void *storage, unsigned taken);
/* Takes over changed options; window and baseline_samples remain as they were at init. */
void detector_configure(struct detector *d, const struct options *options);

/*
 * The next sample; one that is not newer than the last is ignored. True: it entered rule B's
 * window. Samples taken on request between two regular ones (closer than half an interval) do not,
 * so that looking often does not shorten the window; they count for limits all the same.
 */
bool detector_sample(struct detector *d, const struct wire_sample *sample);

/* The verdict on the process. at_end: it has ended or is about to. */
void detector_verdict(const struct detector *d, bool at_end, struct wire_verdict *verdict);

/* What a callsite is by its score, given min_samples of it. */
enum verdict_state detector_callsite_state(const struct detector *d, double score, bool at_end);

/*
 * Rule B on a callsite's live bytes. Its series shares the detector's axis: series_init with room
 * for `window` values, then series_push(series, &d->axis, live_bytes) after each detector_sample
 * that returned true.
 */
void detector_callsite(const struct detector *d, const struct series *series, uint32_t callsite, bool at_end,
		       struct wire_callsite_verdict *verdict);
/* What evidence says goes before what rule B says: the state, and for leak and growth the rate. */
void detector_callsite_evident(struct wire_callsite_verdict *verdict, const struct wire_evidence *found);
