/*
 * Figures -- see figures.h.
 */
#include "analyzer/figures.h"
#include "detector/finding.h"
#include <math.h>

static const struct wire_sample no_sample;

static const struct wire_sample *last_sample(const struct process *process)
{
	return process->n_samples ? &process->samples[process->n_samples - 1] : &no_sample;
}

double process_duration_s(const struct process *process)
{
	uint64_t end = process->end.how != END_RUNNING ? process->end.time_ns : 0;

	return (end ? end : last_sample(process)->time_ns) / 1e9;
}

static uint64_t greater(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

void figures_init(struct figures *figures, const struct process *process, const struct listing *listing)
{
	const struct wire_verdict *verdict = &process->verdict;
	uint64_t baseline = verdict->baseline_rss;

	*figures = (struct figures){.first = process->n_samples ? process->samples : &no_sample};
	figures->last = last_sample(process);
	figures->duration_s = process_duration_s(process);
	for (size_t i = 0; i < process->n_samples; i++)
		figures->peak_rss =
			greater(figures->peak_rss, greater(process->samples[i].peak_rss, process->samples[i].rss));
	figures->peak_live_bytes = greater(process->agent.peak_live_bytes, listing->live_bytes);
	if (baseline && figures->last->rss) {
		figures->growth_bytes = (int64_t)(figures->last->rss - baseline);
		figures->growth_percent = 100.0 * figures->growth_bytes / baseline;
	}
	figures->has_limit = verdict->n_samples && isfinite(verdict->time_to_limit_s) && verdict->time_to_limit_s >= 0;
}

void callsite_reasons(const struct process *process, const struct wire_evidence *evidence,
		      struct wire_reason reasons[CALLSITE_REASONS])
{
	struct options options;

	process_options(process, &options);
	finding_reasons(evidence, (uint64_t)(process_duration_s(process) * 1e9),
			process->end.how == END_RUNNING ? options.hold : 0, reasons, CALLSITE_REASONS);
}
