/*
 * A sample service -- a leaking process with every kind of stack, for tests of reports.
 */
#pragma once
#include "analyzer/report.h"
#include "detector/finding.h"
#include "detector/reason.h"
#include "tests/unit/analyzer/sample.h"
#include "tests/unit/check.h"

#define SERVICE_START UINT64_C(1709251199999000000) /* 2024-02-29T23:59:59.999Z */

static inline struct wire_reason sample_reason(uint16_t code, double a, double b, double c)
{
	return (struct wire_reason){.code = code, .value = {a, b, c}};
}

static inline void sample_history(struct process *process)
{
	static const uint64_t rss[] = {10 << 20, 12 << 20, 16 << 20};

	process->samples = calloc(3, sizeof(*process->samples));
	process->n_samples = process->n_samples_allocated = 3;
	for (unsigned i = 0; i < 3; i++) {
		process->samples[i].time_ns = (i + 1) * UINT64_C(2500000000);
		process->samples[i].rss = rss[i];
		process->samples[i].vms = 100 << 20;
		process->samples[i].peak_rss = (i < 2 ? 20 : 18) << 20;
		process->samples[i].live_bytes = 1000 * (i + 1);
	}
}

static inline void sample_evidence(struct callsite *leak)
{
	leak->evidence = (struct wire_evidence){.callsite = 6,
						.finding = FINDING_LEAK,
						.state = VERDICT_LEAK,
						.z = 4.5,
						.rise = 40,
						.survivors = 25,
						.births = 100,
						.survivor_bytes = 2500,
						.hazard = 0.005,
						.hazard_s = 2,
						.bytes_per_hour = 1048576,
						.age_s = 12.5,
						.live_blocks = 1040,
						.epochs = 20,
						.ages = {5, 6, 7, 1000, 7, 6, 5, 4}};
}

/*
 * Modules: 1 is `library` (fixtures/stacks.c), 2 the agent, 3 a file that is gone. Callsites: 1 grows slowly,
 * 2 and 3 have one stack (3 through the agent), 4 was freed, 5 never counted, 6 leaks, 7 is of no known stack.
 */
static inline struct process *sample_service(struct model *model, const char *library)
{
	struct process *process = model_process(model, 42);
	uint64_t outer = FRAME(1, sample_function(library, "stacks_outer", NULL) + 4);
	uint64_t mangled = FRAME(1, sample_function(library, "_ZN3app5cache3getEi", NULL) + 4);
	uint64_t gone[] = {FRAME(3, 0x1234), outer}, merged[] = {mangled, outer},
		 agent[] = {FRAME(2, 77), mangled, outer};
	struct callsite *leak;

	sample_module(process, library, library);
	sample_module(process, "/usr/lib/libguard.so", NULL);
	sample_module(process, "/nowhere/plugin.so", NULL);
	sample_callsite(process, gone, 2, sample_counts(10, 5000, 2, 1000))->verdict.state = VERDICT_STABLE;
	sample_callsite(process, merged, 2, sample_counts(3, 300, 1, 100))->flags = STACK_CUT;
	sample_callsite(process, agent, 3, sample_counts(4, 400, 2, 200));
	sample_callsite(process, &outer, 1, sample_counts(9, 900, 9, 900));
	sample_callsite(process, gone, 1, sample_counts(0, 0, 0, 0));
	leak = sample_callsite(process, &mangled, 1, sample_counts(2, 128, 0, 0));
	leak->verdict = (struct wire_callsite_verdict){
		.state = VERDICT_LEAK, .score = 0.75, .growth_bytes_per_hour = 2097152, .r2 = 0.5};
	sample_evidence(leak);
	sample_callsite(process, NULL, 0, sample_counts(1, 64, 0, 0));
	sample_text(&process->exe, "/usr/bin/service");
	sample_text(&process->version, "0.1.0");
	sample_argument(process, "service");
	sample_argument(process, "--bad\xff\033");
	process->wire.pid = 1234;
	process->wire.ppid = 1;
	process->wire.start_realtime_ns = SERVICE_START;
	process->end = (struct wire_end){.how = END_SIGNAL, .status = 137, .signal = 9, .time_ns = 12500000000};
	process->final_state = FINAL_POST_MORTEM;
	process->agent = (struct wire_agent){.unwinder = UNWINDER_LIBUNWIND,
					     .memory_bytes = 2 << 20,
					     .cpu_ns = 15000000,
					     .unknown_frees = 3,
					     .peak_live_bytes = 6000};
	process->mappings[0] = (struct wire_mapping){.name = "anonymous", .before = 1 << 20, .now = 3 << 20};
	process->detector = (struct wire_detector){.cpu_ns = 5000000, .candidates = 6, .left_out = 1200};
	process->verdict = (struct wire_verdict){.state = VERDICT_LEAK,
						 .severity = SEVERITY_CRITICAL,
						 .n_samples = 3,
						 .score = 0.875,
						 .growth_bytes_per_hour = 12 << 20,
						 .r2 = 0.9375,
						 .time_to_limit_s = 7200,
						 .baseline_rss = 8 << 20,
						 .baseline_live = 500};
	process->verdict.reasons[0] = sample_reason(REASON_RSS_GROWS, 12 << 20, 0.9375, 0.875);
	process->verdict.reasons[1] = sample_reason(REASON_LIVE_GROWS, 2 << 20, 0.5, 0.75);
	sample_history(process);
	return process;
}

typedef int sample_writer(FILE *, const struct model *, const struct report_options *, struct symbolizer *);

/* What report_text or report_json writes; to be freed. */
static inline char *sample_report(sample_writer *write, const struct model *model, const struct report_options *options)
{
	struct symbolizer *symbolizer = symbolizer_new(false, NULL);
	size_t size;
	char *text;
	FILE *out = open_memstream(&text, &size);

	CHECK_EQ(write(out, model, options, symbolizer), 0);
	fclose(out);
	symbolizer_free(symbolizer);
	return text;
}
