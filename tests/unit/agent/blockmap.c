/*
 * Tests of agent/blockmap: against a plain table of what is where, with the placements that allocators make.
 */
#include "agent/blockmap.h"
#include "agent/blockwalk.h"
#include "agent/memory.h"
#include "tests/unit/agent/agent.h"
#include "tests/unit/agent/smaps.h"

#define MEGABYTE (UINT64_C(1) << 20)
#define BASE UINT64_C(0x5500000f0000) /* addresses are numbers here: nobody reads there */
#define BLOCKS 6000u
#define THREADS 4
#define TINY_MOST 24u

/* The reference: places far enough apart, and what is at each. */
static struct place {
	uintptr_t address;
	uint64_t room, size;
	uint32_t callsite, epoch;
	bool live;
} places[BLOCKS];

static void begin(bool tiny)
{
	agent_begin(MEGABYTE);
	CHECK(blockmap_init(tiny));
}

/* As accounting does it. */
static bool put(uintptr_t address, uint64_t size, uint32_t callsite, uint32_t epoch)
{
	uint64_t *slot = blockmap_slot(address, size);

	if (!slot)
		slot = blockmap_slot_new(address, size);
	if (!slot || *slot || (size >= BLOCK_SIZE_ASIDE && !blockmap_huge_put(address, size)))
		return false;
	*slot = blockmap_word(callsite | (uint64_t)epoch << 24, address, size);
	return true;
}

static bool take(uintptr_t address, uint64_t *size, uint32_t *callsite)
{
	uint64_t *slot = blockmap_find(address);

	if (!slot)
		return false;
	*callsite = BLOCK_CALLSITE(*slot);
	*size = BLOCK_SIZE(*slot) == BLOCK_SIZE_ASIDE ? blockmap_huge_take(address) : BLOCK_SIZE(*slot);
	*slot = 0;
	return true;
}

static bool is_there(uintptr_t address, uint64_t size, uint32_t callsite)
{
	const uint64_t *slot = blockmap_find(address);

	return slot && BLOCK_CALLSITE(*slot) == callsite &&
	       (size < BLOCK_SIZE_ASIDE ? BLOCK_SIZE(*slot) : blockmap_huge_size(address)) == size;
}

struct walked {
	uint64_t blocks, bytes, callsites;
};

static void visit(void *context, uint32_t callsite, uint8_t birth, uint32_t n, uint64_t bytes)
{
	struct walked *w = context;

	(void)birth;
	w->blocks += n;
	w->bytes += bytes;
	w->callsites += callsite * (bytes + n);
}

static struct walked walk(void)
{
	struct walked w = {0};

	blockwalk_all(visit, &w);
	return w;
}

static void check_walk(void)
{
	struct walked w = walk(), resident = {0}, none = {0}, should_be = {0};
	int stop = 0;

	for (unsigned i = 0; i < BLOCKS; i++)
		if (places[i].live)
			visit(&should_be, places[i].callsite, 0, 1, places[i].size);
	CHECK(!memcmp(&w, &should_be, sizeof(w)));
	CHECK(blockwalk_resident(visit, &resident, &stop));
	CHECK(!memcmp(&resident, &should_be, sizeof(resident)));
	stop = 1;
	CHECK(!blockwalk_resident(visit, &none, &stop) || !w.blocks);
	CHECK_EQ(none.blocks, 0);
}

static uint64_t random_room(uint64_t *random)
{
	if (!random_below(random, 100))
		return random_below(random, 2 * MEGABYTE);
	switch (random_below(random, 8)) {
	case 0:
	case 1:
	case 2:
		return random_below(random, 5000);
	case 3:
		return 480 + random_below(random, 64); /* about where small ends */
	default:
		return random_below(random, 200);
	}
}

/* 16-byte aligned places, 32 bytes apart at the least, now and then with a gap; some pages of tiny ones if so. */
static void lay_out(uint64_t *random, bool tiny)
{
	uintptr_t at = BASE;

	for (unsigned i = 0; i < BLOCKS; i++) {
		uint64_t room = random_room(random);

		if (tiny && i % 2) { /* a page of 8-byte places, then others again */
			at = i % 512 == 1 ? (at + 4095) & ~(uintptr_t)4095 : at;
			places[i].address = at;
			places[i].room = random_below(random, TINY_MOST + 1);
			at += places[i].room > 8 ? (places[i].room + 7) & ~UINT64_C(7) : 8;
			if (i % 512 != 511)
				continue;
			at = (at + 4095) & ~(uintptr_t)4095;
			continue;
		}
		if (tiny && i % 512)
			continue;
		places[i].address = at;
		places[i].room = room;
		at += room < 32 ? 32 : (room + 15) & ~UINT64_C(15);
		at += random_below(random, 50) ? 0 : random_below(random, 300) * 16;
	}
}

static void exchange(struct place *p, uint64_t *random)
{
	uint64_t size = 0;
	uint32_t callsite = 0;

	if (!p->address)
		return;
	if (p->live) {
		CHECK(is_there(p->address, p->size, p->callsite));
		CHECK_EQ(BLOCK_EPOCH(*blockmap_find(p->address)), p->epoch);
		CHECK(take(p->address, &size, &callsite) && size == p->size && callsite == p->callsite);
		p->live = false;
	} else {
		CHECK(blockmap_find(p->address) == NULL);
		p->size = p->room - random_below(random, p->room / 4 + 1);
		p->callsite = 1 + (uint32_t)random_below(random, REGION_CALLSITES - 1);
		p->epoch = (uint32_t)random_below(random, 256);
		CHECK(put(p->address, p->size, p->callsite, p->epoch));
		p->live = true;
	}
}

static void against_reference(uint64_t seed, bool tiny)
{
	uint64_t random = seed;

	begin(tiny);
	lay_out(&random, tiny);
	CHECK(blockmap_find(BASE) == NULL);
	for (unsigned i = 0; i < 10 * BLOCKS; i++) {
		exchange(&places[random_below(&random, BLOCKS)], &random);
		if (i % (4 * BLOCKS) == 0)
			check_walk();
	}
	for (unsigned i = 0; i < BLOCKS; i++)
		if (places[i].address)
			CHECK_EQ(blockmap_find(places[i].address) != NULL, places[i].live);
	check_walk();
	CHECK_EQ(store->agent.lost, 0);
	for (unsigned i = 0; i < BLOCKS; i++)
		if (places[i].live)
			exchange(&places[i], &random);
	CHECK_EQ(walk().blocks, 0);
}

static void test_reference(void)
{
	against_reference(1, false);
}

static void test_reference_tiny(void)
{
	against_reference(2, true);
}

/* A large block begins at any of the 32 places of 512 bytes, with small ones before it. */
static void test_sharing(void)
{
	begin(false);
	for (uintptr_t place = 0; place < 32; place++) {
		uintptr_t base = BASE + 4096 * place, large = base + 16 * place;
		uint64_t size = 0;
		uint32_t callsite = 0;

		for (uintptr_t small = 0; small + 32 <= 16 * place; small += 32)
			CHECK(put(base + small, 32, 7, 0));
		CHECK(put(large, 600, 1000 + (uint32_t)place, 0));
		for (uintptr_t small = 0; small + 32 <= 16 * place; small += 32)
			CHECK(is_there(base + small, 32, 7));
		for (uintptr_t other = 16 * place + 16; other < 512; other += 16)
			CHECK(blockmap_find(base + other) == NULL);
		CHECK(is_there(large, 600, 1000 + (uint32_t)place));
		CHECK(take(large, &size, &callsite) && size == 600);
		CHECK(blockmap_find(large) == NULL);
		for (uintptr_t small = 0; small + 32 <= 16 * place; small += 32)
			CHECK(take(base + small, &size, &callsite) && size == 32 && callsite == 7);
	}
	CHECK_EQ(walk().blocks, 0);
}

/* Spans that share a head: 64 GiB apart. */
static void test_far_apart(void)
{
	begin(false);
	for (uint32_t i = 0; i < 8; i++)
		CHECK(put(BASE + ((uint64_t)i << 36), 100 + i, 1 + i, 0));
	for (uint32_t i = 0; i < 8; i++)
		CHECK(is_there(BASE + ((uint64_t)i << 36), 100 + i, 1 + i));
	CHECK(blockmap_find(BASE + (UINT64_C(9) << 36)) == NULL);
	CHECK(blockmap_mapped() >= 8 * (SPAN_BYTES + SMALL_BYTES));
	CHECK(blockmap_resident() >= 8 * 4096 && blockmap_resident() < blockmap_mapped() / 8);
	CHECK_EQ(walk().bytes, 8 * 100 + 28);
}

/* A free that was not seen: whatever stands where a block begins comes out. */
static void test_stale(void)
{
	static const uint64_t sizes[] = {0, 40, 511, 512, 5000, 1 << 20};

	begin(false);
	for (unsigned old = 0; old < 6; old++)
		for (unsigned new = 0; new < 6; new ++) {
			uintptr_t at = BASE + 64 * MEGABYTE + 4096 * (old * 6 + new) + 48;
			uint64_t *slot, word;

			CHECK(put(at, sizes[old], 5, 0));
			slot = blockmap_slot_new(at, sizes[new]);
			word = blockmap_stale(at, slot);
			CHECK_EQ(BLOCK_CALLSITE(word), 5);
			CHECK_EQ(BLOCK_SIZE(word), sizes[old]);
			CHECK_EQ(blockmap_stale(at, slot), 0);
			CHECK(blockmap_find(at) == NULL && *slot == 0);
		}
	/* Two large ones in the same 512 bytes would overlap. */
	CHECK(put(BASE + 16, 600, 6, 0));
	CHECK_EQ(BLOCK_CALLSITE(blockmap_stale(BASE + 256, blockmap_slot_new(BASE + 256, 600))), 6);
	CHECK_EQ(walk().blocks, 0);
}

static void test_huge(void)
{
	static const uint64_t sizes[] = {(UINT64_C(1) << 27) - 2, (UINT64_C(1) << 27) - 1, UINT64_C(1) << 27,
					 UINT64_C(1) << 32,	  UINT64_C(1) << 40,	   (UINT64_C(1) << 46) + 1};
	uint64_t size = 0, sum = 0;
	uint32_t callsite;
	unsigned n = 0;

	begin(false);
	for (unsigned i = 0; i < 6; i++) {
		CHECK(put(BASE + ((uint64_t)i << 30) + 16 * i, sizes[i], 1 + i, 0));
		sum += sizes[i];
	}
	CHECK_EQ(walk().bytes, sum);
	for (unsigned i = 0; i < 6; i++)
		CHECK(is_there(BASE + ((uint64_t)i << 30) + 16 * i, sizes[i], 1 + i));
	for (unsigned i = 6; i-- > 0;) {
		CHECK(take(BASE + ((uint64_t)i << 30) + 16 * i, &size, &callsite));
		CHECK_EQ(size, sizes[i]);
		CHECK_EQ(blockmap_huge_size(BASE + ((uint64_t)i << 30) + 16 * i), 0);
		CHECK_EQ(blockmap_huge_take(BASE + ((uint64_t)i << 30) + 16 * i), 0);
	}
	/* One after the other there is no end to them; at once there is. */
	for (uintptr_t i = 0; i < 3000; i++)
		CHECK(blockmap_huge_put(BASE + 16 * i, i + 1) && blockmap_huge_take(BASE + 16 * i) == i + 1);
	CHECK_EQ(store->agent.lost, 0);
	while (n < 100000 && blockmap_huge_put(BASE + 16 * n, n + 1))
		n++;
	CHECK(n >= 1000 && n < 100000);
	CHECK_EQ(store->agent.lost, LOST_HUGE_TABLE);
	CHECK_EQ(store->agent.dropped, 1);
	for (uintptr_t i = 0; i < n; i++)
		CHECK_EQ(blockmap_huge_take(BASE + 16 * i), i + 1);
	CHECK(blockmap_huge_put(BASE, 1));
}

static void *huge_many(void *number)
{
	uintptr_t mine = BASE + ((uintptr_t)number << 40);
	unsigned wrong = 0;

	for (uintptr_t i = 1; i < 3000; i++) {
		wrong += !blockmap_huge_put(mine + 16 * i, i) || !blockmap_huge_put(mine + 16 * i + 8, 2 * i);
		wrong += blockmap_huge_size(mine + 16 * i) != i || blockmap_huge_take(mine + 16 * i) != i;
		wrong += blockmap_huge_take(mine + 16 * i + 8) != 2 * i;
	}
	CHECK_EQ(wrong, 0);
	return NULL;
}

static void test_huge_threads(void)
{
	begin(false);
	in_threads(THREADS, huge_many);
	CHECK_EQ(store->agent.lost, 0);
}

#define ROUNDS 200u
#define MAKERS 2u
static unsigned here[ROUNDS];

static void *make_spans(void *number)
{
	uintptr_t mine = 4096 * (uintptr_t)number;

	for (uintptr_t round = 0; round < ROUNDS; round++) {
		start_line(&here[round], MAKERS);
		put(BASE + round * SPAN_SIZE + mine, 16, 1, 0);
		put(BASE + round * SPAN_SIZE + mine + 1024, 1000, 2, 0);
	}
	return NULL;
}

/* The first block of a span in several threads at once: one span, nothing of it lost. */
static void same_span(bool tiny)
{
	begin(tiny);
	in_threads(MAKERS, make_spans);
	for (uintptr_t round = 0; round < ROUNDS; round++)
		for (uintptr_t t = 0; t < MAKERS; t++) {
			CHECK(is_there(BASE + round * SPAN_SIZE + 4096 * t, 16, 1));
			CHECK(is_there(BASE + round * SPAN_SIZE + 4096 * t + 1024, 1000, 2));
		}
	CHECK_EQ(walk().bytes, ROUNDS * MAKERS * 1016);
	CHECK_EQ(store->agent.lost, 0);
}

static void test_same_span(void)
{
	uint64_t before = memory_total();

	same_span(false);
	CHECK_EQ(blockmap_mapped(), ROUNDS * (SPAN_BYTES + SMALL_BYTES));
	CHECK(memory_total() - before - blockmap_mapped() < MEGABYTE);
}

static void test_same_span_tiny(void)
{
	same_span(true);
}

static void test_no_dump_no_huge_pages(void)
{
	begin(false);
	CHECK(put(BASE, 100, 1, 0));
	CHECK(smaps_has(blockmap_find(BASE), " dd") && smaps_has(blockmap_find(BASE), " nh"));
}

int main(void)
{
	CASE(test_no_dump_no_huge_pages);
	CASE(test_reference);
	CASE(test_reference_tiny);
	CASE(test_sharing);
	CASE(test_far_apart);
	CASE(test_stale);
	CASE(test_huge);
	CASE(test_huge_threads);
	CASE(test_same_span);
	CASE(test_same_span_tiny);
	return check_result();
}
