/*
 * Tests of analyzer/rejudge: at the end without the agent's last word nothing is held back any more.
 */
#include "analyzer/rejudge.h"
#include "tests/unit/analyzer/sample.h"
#include "tests/unit/check.h"

#define SECOND UINT64_C(1000000000)
#define MIB (UINT64_C(1) << 20)

static struct model model;

/* A process of n samples, a second apart, that grows by `step` bytes each; its verdict is held. */
static struct process *make(unsigned n, uint64_t step)
{
	struct process *process;

	model_fini(&model);
	model_init(&model);
	process = model_process(&model, 42);
	for (unsigned i = 1; i <= n; i++) {
		struct wire_sample sample = {.time_ns = i * SECOND, .rss = 100 * MIB + i * step};

		sample.live_bytes = 50 * MIB + i * step;
		process_add_sample(process, &sample);
	}
	sample_text(&process->options, "interval=1s\n");
	sample_callsite(process, NULL, 0, sample_counts(n, 50 * MIB + n * step, 0, 0));
	process->verdict = (struct wire_verdict){.state = VERDICT_INCONCLUSIVE, .n_samples = n};
	process->end = (struct wire_end){.how = END_SIGNAL, .signal = 9, .time_ns = n * SECOND + SECOND / 10};
	process->final_state = FINAL_POST_MORTEM;
	return process;
}

static void test_hold_is_waived(void)
{
	struct process *process = make(20, MIB);
	struct wire_callsite_verdict *callsite = &process->callsites[1].verdict;

	callsite->score = 0.9;
	rejudge_process(process);
	CHECK_EQ(process->verdict.state, VERDICT_LEAK);
	CHECK_EQ(callsite->state, VERDICT_LEAK);
	CHECK_EQ(process->verdict.n_samples, 20); /* the end came too soon after the last to be one */
	callsite->state = VERDICT_INCONCLUSIVE;
	callsite->score = 0.5;
	rejudge_all(&model);
	CHECK_EQ(process->verdict.state, VERDICT_LEAK);
	CHECK_EQ(callsite->state, VERDICT_STABLE);
	callsite->state = VERDICT_INCONCLUSIVE; /* no score: too few samples of it */
	callsite->score = 0;
	rejudge_process(process);
	CHECK_EQ(callsite->state, VERDICT_INCONCLUSIVE);
	process = make(20, 0);
	rejudge_process(process);
	CHECK_EQ(process->verdict.state, VERDICT_STABLE);
}

static void test_options_count(void)
{
	struct process *process = make(20, MIB);

	sample_text(&process->options, "interval=1s\nmin_samples=40\n");
	rejudge_process(process);
	CHECK_EQ(process->verdict.state, VERDICT_INCONCLUSIVE);
	process = make(20, MIB);
	process->callsites[1].verdict.score = 0.9;
	sample_text(&process->options, "nonsense\nmin_samples=1000000\n=\nleak_score=0.95\nscore_severe=1000G/s");
	rejudge_process(process); /* bad lines are left out; interval is 30 s */
	CHECK_EQ(process->callsites[1].verdict.state, VERDICT_STABLE);
}

/* The last sample is older than the counts: what was live at the end is a sample too. */
static void test_counts_are_a_sample(void)
{
	struct process *process = make(9, MIB);

	process->end.time_ns = 10 * SECOND;
	process->callsites[1].counts.allocated_bytes += MIB;
	rejudge_process(process);
	CHECK_EQ(process->verdict.n_samples, 10);
	CHECK_EQ(process->verdict.state, VERDICT_LEAK);
	CHECK_NEAR(process->verdict.live_growth_bytes_per_hour, 3600.0 * MIB, 1);
	CHECK_EQ(process->n_samples, 9); /* what is reported stays */
	process = make(9, MIB);
	process->end.time_ns = 10 * SECOND;
	process->final_state = FINAL_NONE; /* the counts are as old as the samples */
	rejudge_process(process);
	CHECK_EQ(process->verdict.n_samples, 9);
}

/* Where the agent's own verdict is the better one. */
static void test_left_alone(void)
{
	struct process *process = make(20, MIB);

	process->end.how = END_RUNNING;
	rejudge_process(process);
	CHECK_EQ(process->verdict.state, VERDICT_INCONCLUSIVE);
	process->end.how = END_EXIT;
	process->final_state = FINAL_AGENT;
	rejudge_process(process);
	CHECK_EQ(process->verdict.state, VERDICT_INCONCLUSIVE);
	process->final_state = FINAL_NONE;
	process->verdict.n_samples = 100;
	process->verdict.state = VERDICT_RETENTION;
	rejudge_process(process);
	CHECK_EQ(process->verdict.state, VERDICT_RETENTION);
	process = make(5, MIB);
	process->verdict.state = VERDICT_EXTERNAL;
	rejudge_process(process);
	CHECK_EQ(process->verdict.state, VERDICT_EXTERNAL);
	process = make(0, 0);
	rejudge_process(process);
	CHECK_EQ(process->verdict.state, VERDICT_INCONCLUSIVE);
	process = make(20, MIB);
	process->verdict.baseline_rss = 7;
	rejudge_process(process);
	CHECK_EQ(process->verdict.state, VERDICT_LEAK);
	CHECK_EQ(process->verdict.baseline_rss, 7);
}

int main(void)
{
	test_hold_is_waived();
	test_options_count();
	test_counts_are_a_sample();
	test_left_alone();
	model_fini(&model);
	return check_result();
}
