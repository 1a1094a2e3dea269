/*
 * Tests of agent/judge: the detector's verdicts land in the region, of the process and of the callsites worth it.
 */
#include "agent/judge.h"
#include "agent/callsite.h"
#include "agent/memory.h"
#include "tests/unit/agent/agent.h"

#define MEGABYTE (UINT64_C(1) << 20)
#define SECOND UINT64_C(1000000000)
#define LEAK_RATE (200 * 1024) /* bytes a second: far above score_severe */

static struct region_cell *sums;
static uint32_t n_sums = 1;

static void begin(uint32_t callsites)
{
	agent_begin(64 * MEGABYTE);
	options.interval = 30 * SECOND;
	sums = calloc(callsites + 1, sizeof(*sums));
	for (uint32_t i = 1; i <= callsites; i++) {
		uint64_t frame = i;

		if (callsite_intern(&frame, 1, 0) != i)
			abort();
	}
	n_sums = callsites + 1;
}

static void hold(uint32_t callsite, uint64_t blocks, uint64_t bytes)
{
	sums[callsite] = (struct region_cell){blocks + 100, bytes + 1000, 100, 1000};
}

static void judge(uint64_t time_ns, uint64_t rss, uint64_t live, bool at_end)
{
	struct wire_sample sample = {.time_ns = time_ns, .rss = rss, .live_bytes = live};

	judge_sample(&sample, sums, n_sums, at_end);
}

/* Callsite 1 leaks, 2 stands still, 3 is too small to be looked at, 4 goes down. */
static void run(unsigned n_samples, uint64_t rate, bool at_end)
{
	for (unsigned i = 0; i < n_samples; i++) {
		uint64_t leaked = i * rate * 30;

		hold(1, 100 + i * 10, 100000 + leaked);
		hold(2, 50, 500000);
		hold(3, 7, 1000000 + leaked);
		hold(4, 1000, 50 * MEGABYTE - leaked / 2);
		judge((i + 1) * 30 * SECOND, 100 * MEGABYTE + leaked, 50 * MEGABYTE + leaked,
		      at_end && i + 1 == n_samples);
	}
}

static void test_leak(void)
{
	begin(4);
	CHECK_EQ(store->verdict.n_samples, 0);
	run(40, LEAK_RATE, true);
	CHECK_EQ(store->verdict.state, VERDICT_LEAK);
	CHECK_EQ(store->verdict.n_samples, 40);
	CHECK_NEAR(store->verdict.growth_bytes_per_hour, LEAK_RATE * 3600.0, LEAK_RATE * 36.0);
	CHECK_RANGE(store->verdict.score, 0.9, 1);
	CHECK(store->verdict.reasons[0].code != 0);
	CHECK_EQ(callsite_record(1)->state, VERDICT_LEAK);
	CHECK_NEAR(callsite_record(1)->growth_bytes_per_hour, LEAK_RATE * 3600.0, LEAK_RATE * 36.0);
	CHECK_RANGE(callsite_record(1)->score, 0.9, 1);
	CHECK_RANGE(callsite_record(1)->r2, 0.99, 1);
	CHECK_EQ(callsite_record(2)->state, VERDICT_STABLE);
	CHECK_NEAR(callsite_record(2)->growth_bytes_per_hour, 0, 1e-6);
	CHECK_EQ(callsite_record(3)->state, VERDICT_INCONCLUSIVE); /* seven blocks are no series */
	CHECK_NEAR(callsite_record(3)->growth_bytes_per_hour, 0, 0);
	CHECK_EQ(callsite_record(4)->state, VERDICT_STABLE);
	CHECK_RANGE(callsite_record(4)->growth_bytes_per_hour, -1e12, -1e6);
}

static void test_stable(void)
{
	begin(4);
	run(40, 0, true);
	CHECK_EQ(store->verdict.state, VERDICT_STABLE);
	CHECK_EQ(callsite_record(1)->state, VERDICT_STABLE);
}

/* A young process: held back while it runs, waived when it ends. */
static void test_hold(void)
{
	begin(4);
	run(40, LEAK_RATE, false);
	CHECK_EQ(store->verdict.state, VERDICT_INCONCLUSIVE);
	CHECK_EQ(store->verdict.severity, SEVERITY_CRITICAL);
	judge(41 * 30 * SECOND, 200 * MEGABYTE, 200 * MEGABYTE, true);
	CHECK_EQ(store->verdict.state, VERDICT_LEAK);
}

/* The last look comes at once after a regular one: no sample of the window, but callsites are judged as at the end. */
static void test_end_between(void)
{
	begin(4);
	run(40, LEAK_RATE, false);
	CHECK(callsite_record(1)->state != VERDICT_LEAK);
	judge(40 * 30 * SECOND + SECOND, 100 * MEGABYTE + 40 * 30 * LEAK_RATE, 50 * MEGABYTE, true);
	CHECK_EQ(store->verdict.n_samples, 40);
	CHECK_EQ(callsite_record(1)->state, VERDICT_LEAK);
	CHECK_NEAR(callsite_record(1)->growth_bytes_per_hour, LEAK_RATE * 3600.0, LEAK_RATE * 36.0);
}

static void test_too_few(void)
{
	begin(4);
	run(5, LEAK_RATE, true);
	CHECK_EQ(store->verdict.state, VERDICT_INCONCLUSIVE);
	CHECK_EQ(store->verdict.n_samples, 5);
	CHECK_NEAR(store->verdict.score, 0, 0);
}

static void test_configure(void)
{
	begin(4);
	judge_configure(); /* nothing to configure yet */
	run(40, LEAK_RATE, false);
	CHECK_EQ(store->verdict.state, VERDICT_INCONCLUSIVE);
	options.hold = 0;
	judge_configure();
	judge(41 * 30 * SECOND, 100 * MEGABYTE + 40 * 30 * LEAK_RATE, 50 * MEGABYTE + 40 * 30 * LEAK_RATE, false);
	CHECK_EQ(store->verdict.state, VERDICT_LEAK);
	CHECK_EQ(callsite_record(1)->state, VERDICT_LEAK);
}

static void test_reset(void)
{
	begin(4);
	run(40, LEAK_RATE, true);
	CHECK_EQ(store->verdict.state, VERDICT_LEAK);
	judge_reset();
	run(5, LEAK_RATE, true);
	CHECK_EQ(store->verdict.state, VERDICT_INCONCLUSIVE);
	CHECK_EQ(store->verdict.n_samples, 5);
	CHECK_EQ(callsite_record(1)->state, VERDICT_INCONCLUSIVE);
	judge_reset();
	run(40, 0, true);
	CHECK_EQ(store->verdict.state, VERDICT_STABLE);
	CHECK_EQ(callsite_record(1)->state, VERDICT_STABLE);
}

/* Ten thousand that all leak: some are judged, memory has an end. */
static void test_limit(void)
{
	const uint32_t n = 10000;
	uint64_t before;
	unsigned judged = 0;

	begin(n);
	before = memory_total();
	for (uint64_t i = 0; i < 20; i++) {
		for (uint32_t k = 1; k <= n; k++)
			hold(k, 20 + i, 1000 + i * 30 * LEAK_RATE);
		judge((i + 1) * 30 * SECOND, 100 * MEGABYTE + i * 30 * LEAK_RATE, 50 * MEGABYTE, i == 19);
	}
	for (uint32_t k = 1; k <= n; k++)
		judged += callsite_record(k)->state == VERDICT_LEAK;
	CHECK(judged >= 1000 && judged <= 5000);
	CHECK(memory_total() - before < 16 * MEGABYTE);
	CHECK(callsite_record(n)->state != VERDICT_LEAK);
	/* In a child there is room again, for others. */
	judge_reset();
	for (uint64_t i = 0; i < 20; i++) {
		memset(sums, 0, n * sizeof(*sums));
		hold(n, 20 + i, 1000 + i * 30 * LEAK_RATE);
		judge((i + 1) * 30 * SECOND, 100 * MEGABYTE, 50 * MEGABYTE, i == 19);
	}
	CHECK_EQ(callsite_record(n)->state, VERDICT_LEAK);
}

/* A callsite that begins late has fewer samples; one that frees what others count goes below zero and back. */
static void test_late(void)
{
	begin(2);
	for (uint64_t i = 0; i < 60; i++) {
		hold(1, 100, 100000);
		if (i >= 30)
			hold(2, 20 + i, 1000 + (i - 30) * 30 * LEAK_RATE);
		if (i == 40)
			sums[1] = (struct region_cell){10, 1000, 20, 2000};
		judge((i + 1) * 30 * SECOND, 100 * MEGABYTE, 50 * MEGABYTE, i == 59);
	}
	CHECK_EQ(callsite_record(2)->state, VERDICT_LEAK);
	CHECK_NEAR(callsite_record(2)->growth_bytes_per_hour, LEAK_RATE * 3600.0, LEAK_RATE * 36.0);
	CHECK_EQ(callsite_record(1)->state, VERDICT_STABLE);
	CHECK_RANGE(callsite_record(1)->growth_bytes_per_hour, -1e7, 1e7);
}

int main(void)
{
	CASE(test_leak);
	CASE(test_stable);
	CASE(test_hold);
	CASE(test_end_between);
	CASE(test_too_few);
	CASE(test_configure);
	CASE(test_reset);
	CASE(test_limit);
	CASE(test_late);
	return check_result();
}
