/*
 * Tests of analyzer/rejudge: at the end without the agent's last word nothing is held back any more.
 */
#include "analyzer/rejudge.h"
#include "detector/finding.h"
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

/* What the agent has found of the callsite, which it held back. */
static void find(struct process *process, enum finding_kind finding, float z)
{
	process->callsites[1].verdict.state = VERDICT_INCONCLUSIVE;
	process->callsites[1].evidence = (struct wire_evidence){.callsite = 1,
								.finding = finding,
								.z = z,
								.survivors = 100,
								.births = 200,
								.survivor_bytes = 10000,
								.bytes_per_hour = 3600.0f * MIB,
								.epochs = 20};
}

static void test_hold_is_waived(void)
{
	struct process *process = make(20, MIB);
	struct callsite *callsite = &process->callsites[1];

	find(process, FINDING_LEAK, 5);
	rejudge_process(process);
	CHECK_EQ(process->verdict.state, VERDICT_LEAK);
	CHECK_EQ(process->verdict.n_samples, 20); /* the end came too soon after the last to be one */
	CHECK_NEAR(process->verdict.evident_bytes_per_hour, 3600.0 * MIB, 3600);
	CHECK_EQ(callsite->verdict.state, VERDICT_LEAK);
	CHECK_EQ(callsite->evidence.state, VERDICT_LEAK);
	rejudge_all(&model);
	CHECK_EQ(process->verdict.state, VERDICT_LEAK);
	process = make(20, MIB);
	find(process, FINDING_STEP, 5);
	rejudge_process(process);
	CHECK_EQ(process->callsites[1].verdict.state, VERDICT_WARM_UP);
	CHECK_EQ(process->verdict.state, VERDICT_WARM_UP);
	process = make(20, 0);
	find(process, FINDING_FLAT, 0);
	rejudge_process(process);
	CHECK_EQ(process->verdict.state, VERDICT_STABLE);
}

/* An agent without a thread has found nothing: the plain rules tell of the process, nothing of the callsites. */
static void test_no_evidence(void)
{
	struct process *process = make(20, MIB);

	rejudge_process(process);
	CHECK_EQ(process->verdict.state, VERDICT_LEAK);
	CHECK_EQ(process->callsites[1].verdict.state, VERDICT_INCONCLUSIVE);
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
	sample_text(&process->options, "nonsense\nmin_samples=1000000\n=\ninterval=1s\nscore_severe=1000G/s");
	rejudge_process(process); /* bad lines are left out */
	CHECK_EQ(process->verdict.state, VERDICT_STABLE);
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
	test_no_evidence();
	test_options_count();
	test_counts_are_a_sample();
	test_left_alone();
	model_fini(&model);
	return check_result();
}
