/*
 * Tests of analyzer/estimates, and of what listings and text reports make of them: an exact and two sampled callsites
 * of one stack are one, its figures are the sums of counts and estimates, and its error is that of the sampled ones.
 */
#include "analyzer/estimates.h"
#include "analyzer/exactness.h"
#include "analyzer/listing.h"
#include "analyzer/report.h"
#include "protocol/sampling.h"
#include "tests/unit/analyzer/sample.h"
#include "tests/unit/check.h"

#define SAMPLE_BYTES 65536

static struct callsite *add_sampled(struct process *process, uint64_t *frames, uint32_t class,
				    struct wire_counts counts)
{
	struct callsite *callsite = sample_callsite(process, frames, 2, counts);

	callsite->flags = STACK_SAMPLED;
	callsite->sampling = (struct wire_sampling){.sample_bytes = SAMPLE_BYTES, .class = class};
	return callsite;
}

static struct process *make(struct model *model)
{
	static uint64_t frames[] = {FRAME(1, 0x1000), FRAME(1, 0x2000)};
	struct process *process;

	model_init(model);
	process = model_process(model, 1);
	process->agent = (struct wire_agent){
		.mode = MODE_SAMPLED, .modes = 1u << MODE_SAMPLED, .sample_bytes = SAMPLE_BYTES, .lost = LOST_MODE};
	sample_module(process, "/nowhere/x", NULL);
	sample_callsite(process, frames, 2, sample_counts(7, 700, 2, 200));
	add_sampled(process, frames, sampling_class(1000), sample_counts(100, 100000, 40, 40000));
	add_sampled(process, frames, sampling_class(5000), sample_counts(20, 100000, 20, 100000));
	return process;
}

static void test_listing(void)
{
	struct wire_sampling small = {.sample_bytes = SAMPLE_BYTES, .class = sampling_class(1000)},
			     large = {.sample_bytes = SAMPLE_BYTES, .class = sampling_class(5000)};
	double w = sampling_weight(&small), v = sampling_weight(&large);
	const struct listed_callsite *c;
	struct listing listing;
	struct model model;

	CHECK_EQ(listing_init(&listing, make(&model)), 0);
	CHECK_EQ(listing.n, 1);
	c = &listing.callsites[0];
	CHECK_NEAR((double)c->counts.allocated_bytes, 700 + 100000 * w + 100000 * v, 1);
	CHECK_NEAR((double)c->live_bytes, 500 + 60000 * w, 2);
	CHECK_NEAR((double)c->live_blocks, 5 + 60 * w, 2);
	CHECK_NEAR(sqrt(c->variances.live_bytes), 1000 * sqrt(60 * w * (w - 1)), 1e-6);
	CHECK_NEAR(c->variances.freed_blocks, 40 * w * (w - 1) + 20 * v * (v - 1), 1e-6);
	CHECK_NEAR(listing.variances.allocated_bytes, 1e6 * 100 * w * (w - 1) + 25e6 * 20 * v * (v - 1), 1);
	CHECK_EQ(listing.live_bytes, c->live_bytes);
	listing_fini(&listing);
	model_fini(&model);
}

static void test_text(void)
{
	struct symbolizer *symbolizer = symbolizer_new(false, NULL);
	struct report_options options = {0};
	struct model model;
	size_t size;
	char *text;
	FILE *out = open_memstream(&text, &size);

	make(&model);
	report_text(out, &model, &options, symbolizer);
	fclose(out);
	CHECK(strstr(text, "  memory    live 4.2 MB +/- 553 KB in 4,423 +/- 567 blocks") != NULL);
	CHECK(strstr(text, "\n  4.2 MB +/- 553 KB in 4,423 +/- 567 blocks, 100.0 %\n") != NULL);
	CHECK(strstr(text, "inexact: mode sampled, sample_bytes 64.0 KB: figures are estimates") != NULL);
	if (check_failures)
		puts(text);
	free(text);
	symbolizer_free(symbolizer);
	model_fini(&model);
}

/* One reason a mode that it has been in, and one where it went there by itself. */
static void test_reasons(void)
{
	struct exactness exactness;
	struct model model;
	struct process *process = make(&model);

	process->callsites[1].counts.allocated_blocks = 1;
	process->agent = (struct wire_agent){.mode = MODE_EXACT, .modes = 1u << MODE_EXACT};
	exactness_judge(&exactness, process);
	CHECK_EQ(exactness.n, 0);
	process->agent.modes = 1u << MODE_EXACT | 1u << MODE_COUNTS | 1u << MODE_OFF | 1u << MODE_SAMPLED;
	process->agent.lost = LOST_MODE;
	process->agent.governed = 1;
	process->agent.sample_bytes = 524288;
	exactness_judge(&exactness, process);
	CHECK_EQ(exactness.n, 4);
	CHECK(strstr(exactness.reasons[0], "mode sampled for a time, sample_bytes 512 KB") != NULL);
	CHECK(strstr(exactness.reasons[1], "mode counts for a time: totals are exact") != NULL);
	CHECK(strstr(exactness.reasons[2], "mode off for a time") != NULL);
	CHECK(strstr(exactness.reasons[3], "overhead_budget") != NULL);
	process->agent.mode = MODE_COUNTS;
	exactness_judge(&exactness, process);
	CHECK(strstr(exactness.reasons[1], "mode counts: totals are exact") != NULL);
	model_fini(&model);
}

int main(void)
{
	test_listing();
	test_text();
	test_reasons();
	return check_result();
}
