/*
 * Tests of analyzer/listing: what is merged, left out and in which order; totals; nothing below zero.
 */
#include "analyzer/listing.h"
#include "tests/unit/analyzer/sample.h"
#include "tests/unit/check.h"

static void test_order_and_merging(void)
{
	static struct process process;
	uint64_t a[] = {FRAME(1, 10), FRAME(1, 20)}, b[] = {FRAME(1, 10)}, c[] = {FRAME(1, 30)};
	uint64_t agent[] = {FRAME(2, 5), FRAME(1, 10), FRAME(2, 6), FRAME(1, 20)};
	struct listing listing;

	sample_module(&process, "/bin/x", NULL);
	sample_module(&process, "/lib/libguard.so", NULL);
	sample_module(&process, "/lib/unused.so", NULL);
	sample_callsite(&process, a, 2, sample_counts(2, 20, 1, 10));				      /* 1 */
	sample_callsite(&process, b, 1, sample_counts(1, 500, 0, 0));				      /* 2 */
	sample_callsite(&process, agent, 4, sample_counts(1, 30, 0, 0))->flags = STACK_CUT;	      /* 3, as 1 */
	sample_callsite(&process, c, 1, sample_counts(0, 0, 0, 0));				      /* 4 */
	sample_callsite(&process, c, 1, sample_counts(1, 1, 1, 1))->verdict.state = VERDICT_GROWTH;   /* 5 */
	sample_callsite(&process, &c[0], 0, sample_counts(1, 7, 0, 0))->verdict.state = VERDICT_LEAK; /* 6 */
	CHECK_EQ(listing_init(&listing, &process), 0);
	CHECK_EQ(listing.n, 4);
	CHECK_EQ(listing.callsites[0].id, 6);
	CHECK_EQ(listing.callsites[1].id, 5);
	CHECK_EQ(listing.callsites[2].id, 2);
	CHECK_EQ(listing.callsites[3].id, 1);
	CHECK_EQ(listing.callsites[3].n_frames, 2);
	CHECK_EQ(listing.callsites[3].counts.allocated_blocks, 3);
	CHECK_EQ(listing.callsites[3].live_bytes, 40);
	CHECK_EQ(listing.callsites[3].live_blocks, 2);
	CHECK_EQ(listing.callsites[3].flags, STACK_CUT);
	CHECK(memcmp(listing.callsites[3].frames, a, sizeof(a)) == 0);
	CHECK_EQ(listing.live_bytes, 547);
	CHECK_EQ(listing.live_blocks, 4);
	CHECK_EQ(listing.totals.freed_blocks, 2);
	CHECK(listing.modules[1] && !listing.modules[2] && !listing.modules[3]);
	listing_fini(&listing);
}

static void test_odd_counts(void)
{
	static struct process process;
	uint64_t a[] = {FRAME(1, 10)}, b[] = {FRAME(60000, 10)};
	struct listing listing;

	CHECK_EQ(listing_init(&listing, &process), 0);
	CHECK_EQ(listing.n, 0);
	listing_fini(&listing);
	/* Freed, but allocated before the agent came; and counters that wrapped. */
	sample_callsite(&process, a, 1, sample_counts(0, 0, 1, 100));
	sample_callsite(&process, b, 1, sample_counts(1, 5, UINT64_MAX, UINT64_MAX - 9));
	sample_callsite(&process, NULL, 0, sample_counts(1, 1, 0, 0));
	CHECK_EQ(listing_init(&listing, &process), 0);
	CHECK_EQ(listing.n, 3);
	CHECK_EQ(listing.callsites[0].id, 2);
	CHECK_EQ(listing.callsites[0].live_bytes, 15);
	CHECK_EQ(listing.callsites[0].live_blocks, 2);
	CHECK_EQ(listing.callsites[1].id, 3);
	CHECK_EQ(listing.callsites[1].flags, STACK_INCOMPLETE);
	CHECK_EQ(listing.callsites[2].live_bytes, 0);
	listing_fini(&listing);
}

static void test_ties_and_merged_verdicts(void)
{
	static struct process process;
	uint64_t a[] = {FRAME(1, 10)}, b[] = {FRAME(1, 20)};
	struct listing listing;

	sample_callsite(&process, b, 1, sample_counts(1, 10, 0, 0));
	sample_callsite(&process, a, 1, sample_counts(1, 4, 0, 0))->verdict =
		(struct wire_callsite_verdict){.state = VERDICT_STABLE, .score = 0.9};
	sample_callsite(&process, a, 1, sample_counts(1, 6, 0, 0))->verdict =
		(struct wire_callsite_verdict){.state = VERDICT_GROWTH, .score = 0.5};
	CHECK_EQ(listing_init(&listing, &process), 0);
	CHECK_EQ(listing.n, 2);
	CHECK_EQ(listing.callsites[0].id, 2);
	CHECK_EQ(listing.callsites[0].verdict.state, VERDICT_GROWTH);
	CHECK_NEAR(listing.callsites[0].verdict.score, 0.5, 0);
	process.callsites[3].verdict.state = VERDICT_STABLE;
	listing_fini(&listing);
	CHECK_EQ(listing_init(&listing, &process), 0);
	CHECK_EQ(listing.callsites[0].id, 1);
	listing_fini(&listing);
}

int main(void)
{
	test_order_and_merging();
	test_odd_counts();
	test_ties_and_merged_verdicts();
	return check_result();
}
