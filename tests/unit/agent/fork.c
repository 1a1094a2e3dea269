/*
 * Tests of agent/fork: a child goes on with the counts as of the fork, whatever its parent does meanwhile.
 */
#include "agent/fork.h"
#include "agent/blockmap.h"
#include "agent/callsite.h"
#include "tests/unit/agent/agent.h"
#include "tests/unit/agent/frames.h"

#define MEGABYTE (UINT64_C(1) << 20)
#define CALLSITES 50u
#define BASE UINT64_C(0x550000000000)

/* Blocks are numbers here: each has its word in the map and its counts, as hooks make them. */
static uintptr_t block_at(uint32_t callsite, uint32_t i)
{
	return BASE + ((uint64_t)callsite << 20) + i * UINT64_C(1024);
}

static __attribute__((noinline)) void allocate(uint32_t callsite, uint32_t i, uint64_t size)
{
	const struct frame frame = CALLER_FRAME;
	uintptr_t block = block_at(callsite, i);
	struct region_cell *cell;
	uint32_t was;

	if (!thread_enter(&frame, &was))
		abort();
	*blockmap_slot_new(block, size) = blockmap_word(callsite, block, size);
	cell = shard_cell_new(thread.shard, callsite);
	counter_add(&cell->allocated_blocks, 1);
	counter_add(&cell->allocated_bytes, size);
	counter_add(&thread.shard->live, size);
	thread_leave(was);
}

static __attribute__((noinline)) void release(uint32_t callsite, uint32_t i)
{
	const struct frame frame = CALLER_FRAME;
	uint64_t *slot = blockmap_find(block_at(callsite, i)), size;
	struct region_cell *cell;
	uint32_t was;

	if (!thread_enter(&frame, &was) || !slot)
		abort();
	size = BLOCK_SIZE(*slot);
	*slot = 0;
	cell = shard_cell_new(thread.shard, callsite);
	counter_add(&cell->freed_blocks, 1);
	counter_add(&cell->freed_bytes, size);
	counter_sub(&thread.shard->live, size);
	thread_leave(was);
}

static struct region_cell sum_of(uint32_t callsite)
{
	struct region_cell sums[CALLSITES + 1] = {0};
	struct region_view view = store_view();

	region_sum(&view, sums, CALLSITES + 1);
	return sums[callsite];
}

static void check_sum(uint32_t callsite, uint64_t allocated, uint64_t freed, uint64_t size)
{
	struct region_cell sum = sum_of(callsite);

	CHECK_EQ(sum.allocated_blocks, allocated);
	CHECK_EQ(sum.allocated_bytes, allocated * size);
	CHECK_EQ(sum.freed_blocks, freed);
	CHECK_EQ(sum.freed_bytes, freed * size);
}

/* Each callsite c: 20 blocks of 10 c bytes, c % 10 of them freed. */
static void fill(void)
{
	for (uint32_t c = 1; c <= CALLSITES; c++) {
		uint64_t frame = c;

		callsite_intern(&frame, 1, 0, frame);
		for (uint32_t i = 0; i < 20; i++)
			allocate(c, i, 10 * c);
		for (uint32_t i = 0; i < c % 10; i++)
			release(c, i);
	}
}

static uint64_t live_of_fill(void)
{
	uint64_t live = 0;

	for (uint32_t c = 1; c <= CALLSITES; c++)
		live += (20 - c % 10) * 10 * c;
	return live;
}

static void begin(void)
{
	agent_begin(16 * MEGABYTE);
	if (!blockmap_init(false))
		abort();
}

/* What lifecycle does in a child. */
static void become_child(bool handler)
{
	int fd;

	if (handler)
		fork_child();
	CHECK(store_copy(&fd));
	shards_postfork_child();
	CHECK(fork_inherit());
	blockmap_postfork_child();
}

static void check_inherited(void)
{
	for (uint32_t c = 1; c <= CALLSITES; c++)
		check_sum(c, 20, c % 10, 10 * c);
	CHECK_EQ(shards_live(), live_of_fill());
	CHECK_EQ(store->agent.peak_live_bytes, live_of_fill());
	CHECK_EQ(callsite_count(), CALLSITES);
	/* And it goes on: frees of inherited blocks, new ones. */
	release(11, 5);
	allocate(11, 30, 110);
	check_sum(11, 21, 2, 110);
	CHECK_EQ(shards_live(), live_of_fill());
}

static int gate[2];

static void wait_for_parent(void)
{
	char byte;

	CHECK_EQ(read(gate[0], &byte, 1), 1);
}

static void go_on(void)
{
	for (uint32_t c = 1; c <= CALLSITES; c++) {
		allocate(c, 100, 7);
		release(c, 15);
	}
}

/* Forks by the C library or without it; the parent may go on before the child looks. */
static int fork_and_check(bool handlers, bool goes_on, void (*child)(void))
{
	int status = -1;
	pid_t pid;

	if (pipe(gate))
		abort();
	fflush(stdout);
	if (handlers)
		fork_prepare();
	pid = handlers ? fork() : (pid_t)syscall(SYS_fork);
	if (!pid) {
		wait_for_parent();
		become_child(handlers);
		child();
		fflush(stdout);
		_exit(check_failures != 0);
	}
	if (handlers)
		fork_parent();
	if (goes_on)
		go_on();
	CHECK_EQ(write(gate[1], "", 1), 1);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	return status;
}

static void check_exact(void)
{
	check_inherited();
	CHECK_EQ(store->agent.lost & LOST_INHERITED, 0);
}

static void test_fork(void)
{
	begin();
	fill();
	CHECK_EQ(fork_and_check(true, true, check_exact), 0);
	CHECK_EQ(sum_of(1).allocated_blocks, 21); /* the parent's own */
	CHECK_EQ(sum_of(1).freed_blocks, 2);
	CHECK_EQ(store->agent.lost, 0);
	/* A second one, of what is there now: the sums of the first are of no use any more. */
	for (uint32_t c = 1; c <= CALLSITES; c++) {
		release(c, 100);
		allocate(c, 15, 10 * c);
	}
	CHECK_EQ(sum_of(1).allocated_blocks, 22);
}

/* The live blocks are exact all the same; what came and went before is an estimate, and said to be. */
static void check_live(void)
{
	for (uint32_t c = 1; c <= CALLSITES; c++) {
		struct region_cell sum = sum_of(c);

		CHECK_EQ(sum.allocated_blocks - sum.freed_blocks, 20 - c % 10);
		CHECK_EQ(sum.allocated_bytes - sum.freed_bytes, (20 - c % 10) * 10 * c);
		CHECK(sum.allocated_blocks >= 20 - c % 10 && sum.allocated_blocks <= 23);
	}
	CHECK_EQ(shards_live(), live_of_fill());
}

static void check_estimate(void)
{
	CHECK_EQ(store->agent.lost & LOST_INHERITED, LOST_INHERITED);
	check_live();
}

static void test_raw_fork(void)
{
	begin();
	fork_prepare(); /* of an earlier one, which saw nothing of what follows */
	fork_parent();
	fill();
	CHECK_EQ(fork_and_check(false, false, check_estimate), 0);
	CHECK_EQ(store->agent.lost, 0);
}

/* Counted by three threads that are gone or stay, and not by the one that forks. */
static void *fill_in_thread(void *number)
{
	for (uint32_t c = 1 + (uint32_t)(uintptr_t)number; c <= CALLSITES; c += 3)
		for (uint32_t i = 0; i < 20; i++)
			allocate(c, i, 10 * c);
	return NULL;
}

static void fill_by_threads(void)
{
	begin();
	for (uint32_t c = 1; c <= CALLSITES; c++) {
		uint64_t frame = c;

		callsite_intern(&frame, 1, 0, frame);
	}
	in_threads(3, fill_in_thread);
	for (uint32_t c = 1; c <= CALLSITES; c++)
		for (uint32_t i = 0; i < c % 10; i++)
			release(c, i);
}

static void test_threads(void)
{
	fill_by_threads();
	CHECK_EQ(fork_and_check(true, true, check_exact), 0);
}

static void *make_shard(void *unused)
{
	allocate(1, 50, 1);
	return unused;
}

/* Where there were threads the block map says what is live. */
static void test_raw_fork_with_threads(void)
{
	fill_by_threads();
	allocate(1, 60, 1); /* of this thread, so that it has a shard while the other makes one */
	in_threads(1, make_shard);
	release(1, 50);
	release(1, 60);
	CHECK(shards_count() > 1);
	CHECK_EQ(fork_and_check(true, false, check_live), 0); /* tells the module that there are several */
	CHECK_EQ(fork_and_check(false, true, check_live), 0);
}

static void check_again(void)
{
	struct region_cell sum = sum_of(12);

	CHECK_EQ(sum.allocated_blocks, 20);
	CHECK_EQ(sum.freed_blocks, 2);
	CHECK_EQ(shards_live(), live_of_fill());
}

static void then_fork(void)
{
	check_exact();
	CHECK_EQ(fork_and_check(true, true, check_again), 0);
}

static void test_grandchild(void)
{
	begin();
	fill();
	CHECK_EQ(fork_and_check(true, true, then_fork), 0);
}

/* Before the start, and dormant: handlers that do nothing. */
static void test_without_agent(void)
{
	fork_prepare();
	fork_parent();
	fork_prepare();
	fork_child();
	CHECK(store == NULL);
	begin();
	__atomic_store_n(&process_page.epoch, EPOCH_DORMANT, __ATOMIC_RELEASE);
	fork_prepare();
	fork_parent();
}

int main(void)
{
	CASE(test_fork);
	CASE(test_raw_fork);
	CASE(test_threads);
	CASE(test_raw_fork_with_threads);
	CASE(test_grandchild);
	CASE(test_without_agent);
	return check_result();
}
