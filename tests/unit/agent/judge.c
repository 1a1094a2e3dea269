/*
 * Tests of agent/judge and agent/candidates: readings, walks and verdicts over a heap that is played in virtual time.
 */
#include "agent/judge.h"
#include "agent/blockmap.h"
#include "agent/callsite.h"
#include "agent/candidates.h"
#include "agent/memory.h"
#include "detector/finding.h"
#include "tests/unit/agent/agent.h"

#define MEGABYTE (UINT64_C(1) << 20)
#define MILLISECOND UINT64_C(1000000)
#define SECOND (1000 * MILLISECOND)
#define SIZE 200u
#define HEAP UINT64_C(0x100000000)
#define CHURN 64u

static struct region_cell *sums;
static uint32_t n_sums = 1;
static uint64_t now, next_sample, next_address = HEAP;

static void begin(uint32_t callsites)
{
	agent_begin(64 * MEGABYTE);
	options.interval = SECOND / 10;
	options.hold = 0;
	options.detector_budget = 0;
	sums = calloc(callsites + 1, sizeof(*sums));
	for (uint32_t i = 1; i <= callsites; i++) {
		uint64_t frame = i;

		if (callsite_intern(&frame, 1, 0, frame) != i)
			abort();
	}
	n_sums = callsites + 1;
}

static uint64_t allocate(uint32_t callsite)
{
	uint64_t address = next_address += 256;

	*blockmap_slot_new(address, SIZE) = blockmap_word(callsite | blockmap_now.birth, address, SIZE);
	sums[callsite].allocated_blocks++;
	sums[callsite].allocated_bytes += SIZE;
	return address;
}

static void release(uint32_t callsite, uint64_t address)
{
	*blockmap_find(address) = 0;
	sums[callsite].freed_blocks++;
	sums[callsite].freed_bytes += SIZE;
}

static void sample(bool at_end)
{
	struct wire_sample s = {.time_ns = now, .rss = 100 * MEGABYTE, .rss_anon = 90 * MEGABYTE};

	for (uint32_t i = 1; i < n_sums; i++) {
		s.live_bytes += sums[i].allocated_bytes - sums[i].freed_bytes;
		s.live_blocks += sums[i].allocated_blocks - sums[i].freed_blocks;
	}
	judge_sample(&s, sums, n_sums, at_end);
}

/* What the sampler thread does in one millisecond. */
static void pass(void)
{
	now += MILLISECOND;
	if (now >= next_sample) {
		next_sample = now + options.interval;
		sample(false);
	} else if (now >= judge_due()) {
		judge_read(now, sums, n_sums);
	}
}

/* Callsite 1 loses one block in ten if it leaks, 2 keeps as many as ever, 3 has seven from the beginning. */
static void play(unsigned seconds, bool leaks)
{
	static uint64_t ring[3][CHURN];
	static unsigned n;

	for (unsigned i = sums[3].allocated_blocks ? 7 : 0; i < 7; i++)
		allocate(3);
	for (unsigned i = 0; i < seconds * 1000; i++) {
		pass();
		for (uint32_t callsite = 1; callsite <= 2; callsite++) {
			uint64_t *place = &ring[callsite][n % CHURN];

			if (*place)
				release(callsite, *place);
			*place = allocate(callsite);
			if (leaks && callsite == 1 && n % 10 == 0)
				*place = 0;
		}
		n++;
	}
}

/* The record of the region that tells of this callsite. */
static const struct wire_evidence *evidence_of(uint32_t callsite)
{
	struct region_view view = store_view();
	const struct region_record *record;
	uint64_t offset = 0;

	while ((record = region_next(&view, &offset)))
		if (record->kind == REGION_EVIDENCE &&
		    ((const struct region_evidence *)record)->evidence.callsite == callsite)
			return &((const struct region_evidence *)record)->evidence;
	return NULL;
}

static void test_leak(void)
{
	const struct wire_evidence *found;

	begin(3);
	play(20, true);
	CHECK_EQ(callsite_record(1)->state, VERDICT_LEAK);
	CHECK_EQ(store->verdict.state, VERDICT_LEAK);
	CHECK_EQ(callsite_record(2)->state, VERDICT_STABLE);
	CHECK_EQ(callsite_record(3)->state, VERDICT_INCONCLUSIVE); /* seven small blocks are not looked at */
	CHECK(!evidence_of(3));
	found = evidence_of(1);
	CHECK(found && found->finding == FINDING_LEAK);
	CHECK_NEAR(found->survivors / found->births, 0.1, 0.01);
	CHECK_NEAR(found->bytes_per_hour, 100 * SIZE * 3600.0, 100 * SIZE * 360.0);
	CHECK_RANGE(callsite_record(1)->score, 0.9, 1);
	CHECK_NEAR(callsite_record(1)->growth_bytes_per_hour, 100 * SIZE * 3600.0, 100 * SIZE * 360.0);
	for (unsigned i = 0; i < 8; i++)
		CHECK_RANGE(found->ages[i], 100, 400); /* 250 are lost in an eighth of the time */
	CHECK_EQ(store->detector.candidates, 2);
	CHECK_EQ(store->detector.left_out, 0);
	CHECK(store->detector.walks >= 20 && store->n_evaluations >= 20);
}

static void test_stable(void)
{
	begin(3);
	play(20, false);
	sample(true);
	CHECK_EQ(store->verdict.state, VERDICT_STABLE);
	CHECK_EQ(callsite_record(1)->state, VERDICT_STABLE);
}

/* A young process: held back while it runs, waived when it ends. */
static void test_hold(void)
{
	begin(3);
	options.hold = 3600 * SECOND;
	play(20, true);
	CHECK_EQ(store->verdict.state, VERDICT_INCONCLUSIVE);
	CHECK_EQ(callsite_record(1)->state, VERDICT_INCONCLUSIVE);
	CHECK_EQ(evidence_of(1)->finding, FINDING_LEAK);
	now += MILLISECOND;
	sample(true);
	CHECK_EQ(store->verdict.state, VERDICT_LEAK);
	CHECK_EQ(callsite_record(1)->state, VERDICT_LEAK);
	CHECK_EQ(evidence_of(1)->state, VERDICT_LEAK);
}

static void test_configure(void)
{
	begin(3);
	judge_configure(); /* nothing to configure yet */
	options.hold = 3600 * SECOND;
	play(20, true);
	CHECK_EQ(callsite_record(1)->state, VERDICT_INCONCLUSIVE);
	options.hold = 0;
	judge_configure();
	play(10, true);
	CHECK_EQ(callsite_record(1)->state, VERDICT_LEAK);
}

/* A child is judged by what happens in it; its parent's blocks are known as such by their births. */
static void test_child(void)
{
	uint64_t birth;

	begin(3);
	play(20, true);
	birth = blockmap_now.birth;
	judge_postfork_child();
	CHECK_EQ(callsite_record(1)->state, VERDICT_INCONCLUSIVE);
	CHECK(!evidence_of(1) && !evidence_of(2));
	now = next_sample = 0;
	play(1, false);
	CHECK(blockmap_now.birth > birth);
	play(19, false);
	sample(true);
	CHECK_EQ(callsite_record(1)->state, VERDICT_STABLE);
	CHECK_EQ(evidence_of(1)->ages[0], sums[1].allocated_blocks - sums[1].freed_blocks - CHURN);
	CHECK_EQ(store->verdict.state, VERDICT_STABLE);
}

/* More candidates than there is room for: those that hold the most are in, and the others are counted. */
static void test_limit(void)
{
	const uint32_t n = 6000;
	uint64_t before;

	begin(n);
	before = memory_total();
	for (uint32_t i = 1; i <= n; i++)
		sums[i] = (struct region_cell){20, 100000, 0, 0};
	for (unsigned i = 0; i < 1000; i++)
		pass();
	CHECK_EQ(store->detector.candidates, CANDIDATES_MOST);
	CHECK_EQ(store->detector.left_out, n - CANDIDATES_MOST);
	CHECK(memory_total() - before < CANDIDATES_MOST * UINT64_C(1130) + MEGABYTE / 2);
	CHECK(evidence_of(1) && !evidence_of(n - 10));
	sums[n - 10].allocated_bytes = 100 * MEGABYTE;
	for (unsigned i = 0; i < 20000; i++)
		pass();
	CHECK(evidence_of(n - 10) && !evidence_of(1));
}

/* Where walks cost more than the budget they are rarer. */
static void test_budget(void)
{
	unsigned n;

	begin(3);
	options.detector_budget = 1e-9;
	play(20, true);
	n = store->detector.walks;
	CHECK_RANGE(n, 1, 2);
	sample(true); /* the last one is cheap enough */
	CHECK_EQ(store->detector.walks, n + 1);
}

/* The process ends while a walk goes on: what it has counted is worth nothing. */
static void test_hurry(void)
{
	begin(3);
	play(20, true);
	options.detector_budget = 1e-9; /* so that the last walk is long ago */
	play(5, true);
	judge_hurry = 1;
	now += MILLISECOND;
	options.hold = 3600 * SECOND;
	sample(true);
	judge_hurry = 0;
	CHECK_EQ(callsite_record(1)->state, VERDICT_LEAK);
	CHECK_RANGE(evidence_of(1)->survivors, 100, 2000);
}

int main(void)
{
	CASE(test_leak);
	CASE(test_stable);
	CASE(test_hold);
	CASE(test_configure);
	CASE(test_child);
	CASE(test_limit);
	CASE(test_budget);
	CASE(test_hurry);
	return check_result();
}
