/*
 * Tests of agent/sums: whatever records are there, and in whatever order they became ready, the sums are those of the
 * whole region, and each time anew.
 */
#include "agent/sums.h"
#include "tests/unit/agent/agent.h"
#include <string.h>

#define MEGABYTE (UINT64_C(1) << 20)
#define CALLSITES 5000u

static struct sums sums;

static struct region_counters *pending(uint32_t group)
{
	struct region_counters *counters = store_record(sizeof(*counters));

	counters->first_callsite = group * REGION_CELLS;
	return counters;
}

static struct region_counters *ready(uint32_t group)
{
	struct region_counters *counters = pending(group);

	store_ready(&counters->record, REGION_COUNTERS);
	return counters;
}

static void count(struct region_counters *counters, uint64_t n)
{
	for (uint32_t i = 0; i < REGION_CELLS; i++) {
		counters->cells[i].allocated_blocks += n + i;
		counters->cells[i].allocated_bytes += 100 * n;
		counters->cells[i].freed_blocks += i;
		counters->cells[i].freed_bytes += 7 * n;
	}
}

static bool as_in_region(void)
{
	static struct region_cell all[CALLSITES + 1];
	struct region_view view = store_view();

	memset(all, 0, sizeof(all));
	region_sum(&view, all, CALLSITES + 1);
	return sums_take(&sums) && sums.n == CALLSITES + 1 && !memcmp(sums_cells(&sums), all, sizeof(all));
}

static void begin(void)
{
	agent_begin(64 * MEGABYTE);
	store->n_callsites = CALLSITES;
	CHECK(as_in_region());
}

static void test_many_groups(void)
{
	begin();
	for (uint32_t i = 0; i < CALLSITES / REGION_CELLS + 1; i++) {
		count(ready(i * 7 % 313), i);
		store_ready(store_record(100 + i), 99);
		if (i % 50 == 0)
			CHECK(as_in_region());
	}
	CHECK(as_in_region());
	CHECK(sums_cells(&sums)[CALLSITES].allocated_blocks + sums_cells(&sums)[CALLSITES].allocated_bytes > 0);
}

/* Each thread has a record of its own for the same callsites; what they count later is found too. */
static void test_many_threads(void)
{
	struct region_counters *of[40];

	begin();
	for (uint32_t i = 0; i < 40; i++)
		count(of[i] = ready(i % 3), i);
	CHECK(as_in_region());
	CHECK_EQ(sums_cells(&sums)[17].freed_blocks, 13);
	for (uint32_t i = 0; i < 40; i += 3)
		count(of[i], 1000);
	CHECK(as_in_region());
}

static void test_late_ones(void)
{
	struct region_counters *late[3];

	begin();
	count(ready(5), 1);
	for (unsigned i = 0; i < 3; i++) {
		count(late[i] = pending(5 + i), 10);
		count(ready(5), 1);
		count(ready(6), 1);
	}
	for (unsigned i = 0; i < 3; i++) {
		CHECK(as_in_region());
		CHECK(as_in_region());
		store_ready(&late[2 - i]->record, REGION_COUNTERS);
	}
	CHECK(as_in_region());
	CHECK_EQ(sums_cells(&sums)[5 * REGION_CELLS].allocated_blocks, 14);
}

/* More callsites than the last time; and none of those beyond what is in use. */
static void test_more_callsites(void)
{
	begin();
	count(ready(0), 3);
	count(ready(400), 3); /* beyond them */
	CHECK(as_in_region());
	store->n_callsites = 3 * CALLSITES;
	CHECK(sums_take(&sums));
	CHECK_EQ(sums.n, 3 * CALLSITES + 1);
	CHECK_EQ(sums_cells(&sums)[400 * REGION_CELLS].allocated_bytes, 300);
	CHECK_EQ(sums_cells(&sums)[1].allocated_bytes, 300);
}

static void test_child(void)
{
	begin();
	count(ready(1), 1);
	count(ready(2), 1);
	CHECK(as_in_region());
	sums_postfork_child(&sums);
	CHECK(as_in_region());
	count(ready(2), 5);
	CHECK(as_in_region());
}

int main(void)
{
	CASE(test_many_groups);
	CASE(test_many_threads);
	CASE(test_late_ones);
	CASE(test_more_callsites);
	CASE(test_child);
	return check_result();
}
