/*
 * Tests of detector/marks: what grows from mark to mark, and what only seems to.
 */
#include "detector/marks.h"
#include "detector/finding.h"
#include "detector/findings.h"
#include "tests/unit/check.h"
#include <string.h>

/* Notes these live blocks, of 10 bytes each; after how many marks growth is seen, 0: not at all. */
static unsigned seen_after(const uint64_t *blocks, unsigned n)
{
	struct mark_site site = {0};
	unsigned seen = 0;

	for (unsigned i = 0; i < n; i++)
		if (mark_site_note(&site, blocks[i], 10 * blocks[i]) && !seen)
			seen = i + 1;
	return seen;
}
#define SEEN_AFTER(...) seen_after((uint64_t[]){__VA_ARGS__}, sizeof((uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))

static void test_blocks(void)
{
	CHECK_EQ(SEEN_AFTER(1, 2, 3, 4, 5, 6), 5);
	CHECK_EQ(SEEN_AFTER(1001, 1002, 1003, 1004, 1005), 5); /* the first one has the warm-up in it */
	CHECK_EQ(SEEN_AFTER(1, 2, 3, 4), 0);
	CHECK_EQ(SEEN_AFTER(7, 7, 7, 7, 7, 7, 7, 7), 0);
	CHECK_EQ(SEEN_AFTER(1, 2, 3, 4, 4, 5, 6, 7), 0);
	CHECK_EQ(SEEN_AFTER(1, 2, 3, 2, 3, 4, 5, 6, 7), 9);	  /* 2 is no more than before */
	CHECK_EQ(SEEN_AFTER(1, 101, 121, 125, 126, 127, 128), 0); /* it slows down */
	CHECK_EQ(SEEN_AFTER(0, 0, 0), 0);
}

/* One block, ever larger; and one that gets a few bytes longer now and then. */
static void test_bytes(void)
{
	struct mark_site site = {0}, small = {0};
	struct wire_evidence found = {.callsite = 1};

	for (unsigned i = 1; i <= 5; i++) {
		CHECK_EQ(mark_site_note(&site, 1, 1000 * i), i == 5);
		CHECK(!mark_site_note(&small, 1, 10 * i));
	}
	mark_site_tell(&site, &found);
	CHECK_EQ(found.marks, 5);
	CHECK(found.blocks_per_mark == 0 && found.bytes_per_mark == 1000);
	CHECK_EQ(marks_state(&found), VERDICT_GROWTH);
	mark_site_note(&site, 1, 1000);
	mark_site_tell(&site, &found);
	CHECK(found.marks == 0 && found.bytes_per_mark == 0);
	CHECK_EQ(marks_state(&found), VERDICT_INCONCLUSIVE);
}

/* The verdict is not held back, but blocks that follow the load or die later are no growth. */
static void test_verdict(void)
{
	struct wire_evidence found = {.callsite = 1, .marks = 5, .blocks_per_mark = 1, .bytes_per_mark = 40};
	struct options options;
	struct findings findings;

	options_default(&options);
	findings_begin(&findings, &options, 1000, false);
	findings_add(&findings, &found);
	findings_sift(&findings);
	CHECK_EQ(findings_settle(&findings, &found, 200), VERDICT_GROWTH);
	CHECK(findings.n_marked == 1 && findings.bytes_per_mark == 40);
	found.births = 100;
	found.survivors = 10;
	CHECK_EQ(marks_state(&found), VERDICT_GROWTH);
	found.finding = FINDING_TURNOVER;
	CHECK_EQ(findings_settle(&findings, &found, 200), VERDICT_STABLE);
	found.finding = FINDING_FLAT;
	found.survivors = 0; /* what is live at the marks is young */
	CHECK_EQ(marks_state(&found), VERDICT_INCONCLUSIVE);
}

int main(void)
{
	test_blocks();
	test_bytes();
	test_verdict();
	return check_result();
}
