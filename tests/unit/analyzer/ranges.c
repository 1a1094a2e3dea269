/*
 * Tests of analyzer/ranges: against a linear search over random ranges, nested and overlapping ones included.
 */
#include "analyzer/ranges.h"
#include "tests/unit/check.h"
#include <stdlib.h>

#define N 300
#define SPACE 2000

static uint64_t lows[N], highs[N];

/* The range that holds the address and begins last; of those the one added last. */
static int slow_find(uint64_t address)
{
	int best = -1;

	for (int i = 0; i < N; i++)
		if (lows[i] && lows[i] <= address && highs[i] > address && (best < 0 || lows[i] >= lows[best]))
			best = i;
	return best;
}

static void test_against_linear_search(unsigned longest)
{
	struct ranges ranges = {0};
	unsigned differences = 0;

	for (int i = 0; i < N; i++) {
		lows[i] = rand() % SPACE;
		highs[i] = lows[i] + rand() % longest;
		CHECK(ranges_add(&ranges, lows[i], highs[i], i));
	}
	ranges_sort(&ranges);
	for (uint64_t address = 0; address < SPACE + longest; address++) {
		const struct range *range = ranges_find(&ranges, address);

		differences += (range ? (int)range->index : -1) != slow_find(address);
	}
	CHECK_EQ(differences, 0);
	ranges_fini(&ranges);
}

static void test_edges(void)
{
	struct ranges ranges = {0};

	ranges_sort(&ranges);
	CHECK(ranges_find(&ranges, 1) == NULL);
	CHECK(ranges_before(&ranges, 1) == NULL);
	CHECK(ranges_add(&ranges, 0, 100, 1));	      /* dropped code */
	CHECK(ranges_add(&ranges, 50, 50, 2));	      /* empty */
	CHECK(ranges_add(&ranges, UINT64_MAX, 5, 3)); /* a linker's tombstone */
	CHECK_EQ(ranges.n, 0);
	CHECK(ranges_add(&ranges, 10, 20, 4));
	ranges_sort(&ranges);
	CHECK(ranges_find(&ranges, 9) == NULL);
	CHECK_EQ(ranges_find(&ranges, 10)->index, 4);
	CHECK_EQ(ranges_find(&ranges, 19)->index, 4);
	CHECK(ranges_find(&ranges, 20) == NULL);
	CHECK_EQ(ranges_before(&ranges, 5000)->index, 4);
	CHECK(ranges_before(&ranges, 9) == NULL);
	ranges_fini(&ranges);
}

int main(void)
{
	srand(1);
	test_against_linear_search(8);
	test_against_linear_search(60);
	test_against_linear_search(SPACE);
	test_edges();
	return check_result();
}
