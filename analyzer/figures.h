/*
 * Figures -- what all reports say about a process beside its callsites, computed in one place.
 */
#pragma once
#include "analyzer/listing.h"

struct figures {
	const struct wire_sample *first, *last; /* all zero when there is no sample */
	double duration_s;			/* to the end, or to the last sample of a running process */
	uint64_t peak_rss, peak_live_bytes;
	int64_t growth_bytes; /* of RSS over the baseline; 0 while there is none */
	double growth_percent;
	bool has_limit; /* time_to_limit_s of the verdict means something */
};

void figures_init(struct figures *figures, const struct process *process, const struct listing *listing);
#define CALLSITE_REASONS 4u
/* Why the callsite's verdict is what it is; the list ends with code 0 or is full. */
void callsite_reasons(const struct process *process, const struct wire_evidence *evidence,
		      struct wire_reason reasons[CALLSITE_REASONS]);
/* The duration alone. */
double process_duration_s(const struct process *process);
