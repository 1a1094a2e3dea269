/*
 * Tests of agent/account: how old a block is.
 */
#include "agent/account.h"
#include "tests/unit/agent/agent.h"

#define BIRTH(n) ((uint64_t)(n) << 24)
#define SIZE(n) ((uint64_t)(n) << 32)

static void test_birth(void)
{
	blockmap_now.birth = BIRTH(7);
	CHECK_EQ(account_birth(1000, 0), BIRTH(7));
	/* A buffer that grows stays as old as it is, another callsite's block becomes a new one. */
	CHECK_EQ(account_birth(1000, 1000 | BIRTH(3) | SIZE(64)), BIRTH(3));
	CHECK_EQ(account_birth(1000, 1001 | BIRTH(3) | SIZE(64)), BIRTH(7));
	/* The loader's blocks are known by their birth, whatever the time is. */
	CHECK_EQ(BLOCK_EPOCH(1000 | BIRTH(EPOCH_LOADER) | account_birth(1000, 0)), EPOCH_LOADER);
	CHECK_EQ(BLOCK_CALLSITE(account_birth(0xffffff, 0xffffff | BIRTH(254))), 0);
}

/* Mode sampled: what lies between two points passes, and what interferes leads to the slow side. */
static void test_passes(void)
{
	agent_begin(UINT64_C(1) << 23);
	thread.epoch = process_epoch();
	thread.until = 100;
	CHECK(account_may_pass(99) && !account_may_pass(100));
	CHECK(!account_may_pass(SIZE_MAX) && !account_may_pass(SIZE_MAX / 2));
	CHECK(!account_passes(9, module_loader_start + 1));
	CHECK_EQ(thread.until, 100);
	CHECK(account_passes(99, 0));
	CHECK_EQ(thread.until, 0);
	CHECK(!account_may_pass(0));
	/* A handler allocates between the two. */
	thread.until = 50;
	CHECK(!account_passes(99, 0) && thread.until < 0);
	CHECK(!account_may_pass(1) || !account_passes(1, 0));
	thread.until = 100;
	process_epoch_advance();
	CHECK(account_may_pass(9) && !account_passes(9, 0));
	CHECK_EQ(thread.until, 100);
}

int main(void)
{
	CASE(test_passes);
	CASE(test_birth);
	return check_result();
}
