/*
 * Tests of agent/blockmap: how its pages of words become real.
 */
#include "agent/blockmap.h"
#include "tests/unit/agent/agent.h"
#include <sys/mman.h>
#include <sys/resource.h>

#define MEGABYTE (UINT64_C(1) << 20)
#define BASE UINT64_C(0x550000000000) /* addresses are numbers here: nobody reads there */
#define BLOCK 64u

static void begin(void)
{
	agent_begin(MEGABYTE);
	CHECK(blockmap_init(false));
}

static void put(uintptr_t address)
{
	uint64_t *slot = blockmap_slot(address, BLOCK);

	if (!slot)
		slot = blockmap_slot_new(address, BLOCK);
	if (!blockmap_stands(slot))
		blockmap_put(slot, blockmap_word(1, address, BLOCK));
}

static long faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt;
}

/* A new block that is the first of a page of words. */
static void test_one_fault(void)
{
	long before;

	begin();
	put(BASE);
	before = faults();
	for (uintptr_t page = 1; page <= 100; page++)
		put(BASE + page * 16384);
	CHECK_RANGE(faults() - before, 100, 110);
}

/* Pages of words that are real, of a span where a block is put. */
static unsigned real_pages(uintptr_t base)
{
	unsigned char there[128];
	unsigned n = 0;
	uintptr_t words;

	put(base + SPAN_SIZE / 2);
	words = (uintptr_t)blockmap_slot(base, BLOCK) & ~UINT64_C(4095);
	CHECK_EQ(mincore((void *)words, sizeof(there) * 4096, there), 0);
	for (unsigned i = 0; i < sizeof(there); i++)
		n += there[i] & 1;
	return n;
}

static void fill(uintptr_t from, uintptr_t to)
{
	for (; from < to; from += BLOCK)
		put(from);
}

static void test_dense_heap_grows(void)
{
	begin();
	fill(BASE, BASE + SPAN_SIZE);
	CHECK_EQ(real_pages(BASE + SPAN_SIZE), 128);
	CHECK_EQ(real_pages(BASE - SPAN_SIZE), 128);
}

static void test_sparse_heap_grows(void)
{
	begin();
	for (uintptr_t block = BASE; block < BASE + SPAN_SIZE; block += 4096)
		put(block);
	CHECK_RANGE(real_pages(BASE + SPAN_SIZE), 1, 3);
	CHECK_RANGE(real_pages(BASE - SPAN_SIZE), 1, 3);
}

int main(void)
{
	CASE(test_one_fault);
	CASE(test_dense_heap_grows);
	CASE(test_sparse_heap_grows);
	return check_result();
}
