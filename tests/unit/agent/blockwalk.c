/*
 * Tests of agent/blockwalk: blocks end to end and with room between them, in several walks, each of which knows more of
 * the map's pages than the one before; and no walk makes a page real.
 */
#include "agent/blockwalk.h"
#include "agent/blockmap.h"
#include "tests/unit/agent/agent.h"

#define BASE UINT64_C(0x7f1200000000)
#define APART (UINT64_C(1) << 30)
#define SPANS 6u
#define MEGABYTE (UINT64_C(1) << 20)

struct count {
	uint64_t blocks, bytes, sum, runs;
};

static void visit(void *context, uint32_t callsite, uint8_t birth, uint32_t n, uint64_t bytes)
{
	struct count *c = context;

	c->blocks += n;
	c->bytes += bytes;
	c->sum += (callsite + 1000u * birth) * (uint64_t)n;
	c->runs++;
}

static struct count walk_all(void)
{
	struct count c = {0};

	blockwalk_all(visit, &c);
	return c;
}

static struct count walk_resident(void)
{
	struct count c = {0};
	int stop = 0;

	CHECK(blockwalk_resident(visit, &c, &stop));
	return c;
}

static void begin(void)
{
	agent_begin(64 * MEGABYTE);
	CHECK(blockmap_init(false));
}

static void put(uint64_t address, uint64_t size, uint32_t callsite)
{
	uint64_t *slot = blockmap_slot(address, size);

	if (!slot)
		slot = blockmap_slot_new(address, size);
	blockmap_put(slot, blockmap_word(callsite | (uint64_t)(callsite % 3) << 24, address, size));
}

/* As glibc does: 16 bytes between them, all multiples of 16. Every `every`th is a small one. */
static void lay_out(uint64_t base, uint64_t size, unsigned every)
{
	uint64_t at = base + 16, step;

	for (unsigned i = 1; at + size < base + SPANS * SPAN_SIZE; i++, at += step) {
		uint64_t this = every && i % every == 0 ? 40 : size;

		put(at, this, 1 + i / 100);
		step = (this + 8 + 15) & ~UINT64_C(15);
	}
}

/* Pages of the map that can be read without asking the kernel for one. */
static unsigned pages_there(void)
{
	unsigned char pages[SPAN_PAGES + SMALL_PAGES];
	unsigned n = 0;
	int fd = pages_open();

	for (struct span *s = blockmap_spans(); s; s = s->next_of_all) {
		pages_look(fd, s, SPAN_BYTES, pages);
		pages_look(fd, s->small, SMALL_BYTES, pages + SPAN_PAGES);
		for (unsigned i = 0; i < sizeof(pages); i++)
			n += (pages[i] & PAGE_THERE) != 0;
	}
	pages_close(fd);
	return n;
}

/* walk_all reads each page, so it is the last one. */
static void check_walks(void)
{
	unsigned there = pages_there();
	struct count some[3], all;

	for (unsigned i = 0; i < 3; i++)
		some[i] = walk_resident();
	CHECK_EQ(pages_there(), there);
	all = walk_all();
	CHECK(all.blocks > 0);
	for (unsigned i = 0; i < 3; i++) {
		CHECK_EQ(some[i].blocks, all.blocks);
		CHECK_EQ(some[i].bytes, all.bytes);
		CHECK_EQ(some[i].sum, all.sum);
	}
}

static void check_sizes(unsigned every)
{
	static const uint64_t sizes[] = {600, 1000, 4096, 5000, 16000, 30000, 40000, 300000, 3 * MEGABYTE};

	begin();
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		lay_out(BASE + i * APART, sizes[i], every);
		check_walks();
	}
}

static void test_end_to_end(void)
{
	check_sizes(0);
}

static void test_small_between(void)
{
	check_sizes(2);
}

static void test_some_small_between(void)
{
	check_sizes(7);
}

/* Pages come to be between two walks: none may be taken for absent still. */
static void test_new_pages(void)
{
	begin();
	for (uint64_t at = BASE; at < BASE + SPANS * SPAN_SIZE; at += 30 * 1024) {
		put(at, 28 * 1024, 1);
		check_walks();
		put(at + 29 * 1024, 100, 2);
		CHECK_EQ(walk_resident().blocks, walk_all().blocks);
	}
}

/* Neighbours of one callsite and birth are one visit. */
static void test_runs(void)
{
	begin();
	for (unsigned i = 0; i < 1000; i++)
		put(BASE + i * 64, 50, 7);
	CHECK_EQ(walk_all().runs, 1);
	put(BASE + 500 * 64, 50, 8);
	CHECK_EQ(walk_all().runs, 3);
	CHECK_EQ(walk_all().bytes, 1000 * 50);
}

int main(void)
{
	CASE(test_end_to_end);
	CASE(test_small_between);
	CASE(test_some_small_between);
	CASE(test_new_pages);
	CASE(test_runs);
	return check_result();
}
