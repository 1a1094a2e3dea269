/*
 * Rejudging -- see rejudge.h.
 */
#include "analyzer/rejudge.h"
#include "analyzer/cleanup.h"
#include "detector/verdict.h"
#include <stdlib.h>
#include <string.h>

/* What was live at the end, at that time; for the rest the last sample is the best that is known. */
static void sample_end(struct detector *detector, const struct process *process)
{
	struct wire_sample sample = process->samples[process->n_samples - 1];
	struct wire_counts totals = process_totals(process);
	int64_t bytes = (int64_t)(totals.allocated_bytes - totals.freed_bytes);
	int64_t blocks = (int64_t)(totals.allocated_blocks - totals.freed_blocks);

	if (process->final_state != FINAL_POST_MORTEM)
		return; /* the counts are no newer than the sample */
	sample.time_ns = process->end.time_ns;
	sample.live_bytes = bytes > 0 ? (uint64_t)bytes : 0;
	sample.live_blocks = blocks > 0 ? (uint64_t)blocks : 0;
	detector_sample(detector, &sample);
}

static void take_verdict(struct process *process, const struct detector *detector)
{
	struct wire_verdict verdict;

	detector_verdict(detector, true, &verdict);
	/* Has the agent seen more than has come here? */
	if (verdict.n_samples < process->verdict.n_samples ||
	    (verdict.state == VERDICT_INCONCLUSIVE && process->verdict.state != VERDICT_INCONCLUSIVE))
		return;
	/* From samples that the history may have dropped since. */
	if (process->verdict.baseline_rss) {
		verdict.baseline_rss = process->verdict.baseline_rss;
		verdict.baseline_live = process->verdict.baseline_live;
	}
	process->verdict = verdict;
}

/*
 * What was found of the callsites at the last evaluation, with nothing held back any more. Where there was none, the
 * scores of rule B tell.
 */
static void settle(struct process *process, struct detector *detector, const struct options *options)
{
	struct findings *findings = &detector->findings;
	bool found = false;

	for (uint32_t i = 0; i < process->n_callsites; i++)
		found |= process->callsites[i].evidence.callsite != 0;
	if (!found)
		return;
	findings_begin(findings, options, detector->time_ns, true);
	for (uint32_t i = 0; i < process->n_callsites; i++)
		if (process->callsites[i].evidence.callsite)
			findings_add(findings, &process->callsites[i].evidence);
	findings_sift(findings);
	for (uint32_t i = 0; i < process->n_callsites; i++) {
		struct callsite *callsite = &process->callsites[i];
		int64_t live = (int64_t)(callsite->counts.allocated_bytes - callsite->counts.freed_bytes);

		if (callsite->evidence.callsite)
			callsite->verdict.state =
				findings_settle(findings, &callsite->evidence, live > 0 ? (uint64_t)live : 0);
	}
}

void rejudge_process(struct process *process)
{
	cleanup_free void *storage = NULL;
	cleanup_free struct detector *detector = NULL;
	struct options options;

	if (process->end.how == END_RUNNING || process->final_state == FINAL_AGENT || !process->n_samples)
		return;
	process_options(process, &options);
	storage = malloc(detector_storage_size(&options));
	detector = malloc(sizeof(*detector)); /* 16-byte aligned, as it wants */
	if (!storage || !detector)
		return;
	detector_init(detector, &options, storage);
	for (size_t i = 0; i < process->n_samples; i++) {
		detector_sample(detector, &process->samples[i]);
		calendar_tick(&detector->calendar, process->samples[i].time_ns);
	}
	sample_end(detector, process);
	settle(process, detector, &options);
	take_verdict(process, detector);
}

void rejudge_all(struct model *model)
{
	for (struct process *process = model->processes; process; process = process->hh.next)
		rejudge_process(process);
}
