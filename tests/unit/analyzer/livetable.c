/*
 * Tests of analyzer/livetable and analyzer/sitetable: what was put in is found, what was taken out is not, whatever
 * the order.
 */
#include "analyzer/livetable.h"
#include "analyzer/sitetable.h"
#include "tests/unit/check.h"
#include <errno.h>
#include <stdlib.h>

#define IDS 5000u

static uint64_t seed = 7;

static uint32_t number(uint32_t below)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (uint32_t)((seed >> 33) % below);
}

/* Ids that crowd together, as addresses do. */
static uint64_t id_of(uint32_t i)
{
	return i % 3 ? UINT64_C(0x7f0000000000) + 64 * (uint64_t)i : i;
}

static void any_order(void)
{
	struct livetable table = {0};
	struct live_block block;
	static uint64_t live[IDS];
	size_t n = 0;

	CHECK(!livetable_find(&table, 1) && !livetable_take(&table, 1, &block));
	for (unsigned step = 0; step < 400000; step++) {
		uint32_t i = number(IDS);

		if (number(2)) {
			block = (struct live_block){.id = id_of(i), .bytes = step, .site = 1 + i, .birth = 3};
			CHECK_EQ(livetable_add(&table, &block), live[i] ? -EEXIST : 0);
			n += !live[i];
			live[i] = live[i] ? live[i] : step + 1;
		} else {
			CHECK_EQ(livetable_take(&table, id_of(i), &block), live[i] != 0);
			if (live[i])
				CHECK(block.bytes + 1 == live[i] && block.site == 1 + i && block.birth == 3);
			n -= live[i] != 0;
			live[i] = 0;
		}
	}
	CHECK_EQ(table.n, n);
	for (uint32_t i = 0; i < IDS; i++)
		CHECK_EQ(livetable_find(&table, id_of(i)) != NULL, live[i] != 0);
	livetable_fini(&table);
}

static void names(void)
{
	struct sitetable table = {0};
	char name[32];

	for (unsigned turn = 0; turn < 2; turn++)
		for (unsigned i = 1; i <= 3000; i++) {
			int length = snprintf(name, sizeof(name), "site%u and more", i);

			CHECK_EQ(sitetable_find(&table, name, (size_t)length - 9), i);
		}
	CHECK_EQ(table.n, 3000);
	CHECK_TEXT(table.sites[17].name, "site17");
	CHECK_EQ(sitetable_find(&table, "site", 4), 3001);
	sitetable_fini(&table);
}

int main(void)
{
	any_order();
	names();
	return check_result();
}
