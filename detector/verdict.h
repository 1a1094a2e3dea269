/*
 * The verdict -- samples in, state, severity and reasons out.
 *
 * This is the verdict of the plain rules; rule A and rule B are defined in regression.h. "Grows"
 * means: rule B's score is above `leak_score` (0.8). States, first match wins:
 *
 *   inconclusive  fewer than `min_samples` samples in the window
 *   leak          live bytes grow; or RSS grows and live bytes' slope is 30 % of its slope or more
 *   external      RSS grows, live bytes do not, and 70 % of its slope or more is outside the C
 *                 library's heap: its mapped bytes rise by less than 30 % of it, or file-backed and
 *                 shared pages by 70 % or more
 *   retention     RSS grows, live bytes do not, and it is not known to be outside the heap
 *   stable        else
 *
 * While a running process is younger than `hold`, leak, external and retention are given as
 * inconclusive with REASON_SUSPECT; at its end they are not held.
 *
 * Severity, highest match wins:
 *
 *   critical      RSS has reached the limit (rule A); or rule A's rate over its full 10 minutes is
 *                 above `leak_rate`; or the time to the limit is below `predict`
 *   warning       RSS is more than `growth_limit` above the baseline (rule A); or RSS or live bytes
 *                 grow (rule B), held or not
 *   normal        else
 *
 * The limit is the smaller of `rss_limit` and the cgroup's, as far as they are set. The time to it
 * comes from rule A's slope when that has min_samples, else from rule B's when that has, else there
 * is none.
 *
 * No I/O, no clock, no allocation. Context: any, one thread at a time (the agent's sampler thread).
 * Cost: well below a microsecond a sample or verdict.
 */
#pragma once
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
	/* The newest sample, and since when a score has been above leak_score (UINT64_MAX: it is not). */
	uint64_t time_ns, newest_rss, heap_free, cgroup_limit;
	uint64_t above_since_ns;
	bool started;
};

/* Bytes that detector_init wants, 8-byte aligned, zeroed or not: 40 times the window. */
size_t detector_storage_size(const struct options *options);
/* The struct (16-byte aligned) and the storage must stay where they are from here on. */
void detector_init(struct detector *d, const struct options *options, void *storage);
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
