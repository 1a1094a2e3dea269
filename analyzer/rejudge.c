/*
 * Rejudging -- see rejudge.h.
 */
#include "analyzer/rejudge.h"
#include "analyzer/cleanup.h"
#include "detector/verdict.h"
#include <stdlib.h>
#include <string.h>

/* The agent's options: those that differ from their default, a line each. */
static void read_options(struct options *options, const char *text)
{
	char value[OPTION_TEXT_MAX], error[512];

	options_default(options);
	for (const char *line = text, *end; *line; line = *end ? end + 1 : end) {
		const char *equals;

		end = strchrnul(line, '\n');
		equals = memchr(line, '=', (size_t)(end - line));
		if (!equals || (size_t)(end - equals) > sizeof(value))
			continue;
		memcpy(value, equals + 1, (size_t)(end - equals) - 1);
		value[end - equals - 1] = '\0';
		option_set(options, line, (size_t)(equals - line), value, error, sizeof(error));
	}
}

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

/* A callsite's samples are the agent's alone, but its score tells. */
static void waive_hold(struct process *process, const struct detector *detector)
{
	for (uint32_t i = 0; i < process->n_callsites; i++) {
		struct wire_callsite_verdict *verdict = &process->callsites[i].verdict;

		if (verdict->state == VERDICT_INCONCLUSIVE && verdict->score > 0)
			verdict->state = detector_callsite_state(detector, verdict->score, true);
	}
}

void rejudge_process(struct process *process)
{
	cleanup_free void *storage = NULL;
	cleanup_free struct detector *detector = NULL;
	struct options options;

	if (process->end.how == END_RUNNING || process->final_state == FINAL_AGENT || !process->n_samples)
		return;
	read_options(&options, process->options);
	storage = malloc(detector_storage_size(&options));
	detector = malloc(sizeof(*detector)); /* 16-byte aligned, as it wants */
	if (!storage || !detector)
		return;
	detector_init(detector, &options, storage);
	for (size_t i = 0; i < process->n_samples; i++)
		detector_sample(detector, &process->samples[i]);
	sample_end(detector, process);
	take_verdict(process, detector);
	waive_hold(process, detector);
}

void rejudge_all(struct model *model)
{
	for (struct process *process = model->processes; process; process = process->hh.next)
		rejudge_process(process);
}
