/*
 * Tests of agent/census: a block without a word near it is freed without a look, any other is found; also by a process
 * that has changed its mode, and by a forked child.
 */
#include "agent/census.h"
#include "agent/account.h"
#include "agent/callsite.h"
#include "agent/fork.h"
#include "agent/mode.h"
#include "agent/real.h"
#include "tests/unit/agent/agent.h"
#include "tests/unit/agent/frames.h"

#define MEGABYTE (UINT64_C(1) << 20)
#define FAR INT64_C(1000000000)
#define PIECE (1u << CENSUS_SHIFT)
#define SIZE 100
#define WORDS 2000u

/* Two neighbours, and one that is further away. */
static char heap[4 * PIECE] __attribute__((aligned(PIECE)));
#define HERE ((void *)(heap + 64))
#define BESIDE ((void *)(heap + 640))
#define ELSEWHERE ((void *)(heap + 2 * PIECE))

/* This thread has begun, and looks at no clock. */
static __attribute__((noinline)) void enter_thread(void)
{
	const struct frame frame = CALLER_FRAME;
	uint32_t was;

	if (!thread_enter(&frame, &was))
		abort();
	thread_leave(was);
	shard_countdown(thread.shard, UINT64_MAX / 2);
}

static void begin(uint32_t mode)
{
	agent_begin(16 * MEGABYTE);
	if (!blockmap_init(false) || sys3(SYS_madvise, &process_page, sizeof(process_page), MADV_WIPEONFORK))
		abort();
	options.mode = mode;
	mode_init();
	enter_thread();
}

/* What malloc does, but for the block itself. */
static __attribute__((noinline)) void allocate(void *p, bool sampled)
{
	const struct frame frame = CALLER_FRAME;

	if (thread.mode == MODE_SAMPLED) {
		thread.until = sampled ? 0 : FAR;
		thread.rest = 0;
	}
	if (account_may_pass(SIZE) && account_passes(SIZE, frame.ra))
		return;
	account_alloc_met(p, SIZE, frame.sp, 0);
}

/* And free: has it been counted? */
static __attribute__((noinline)) bool release(void *p)
{
	const struct frame frame = CALLER_FRAME;
	const uint64_t *slot;
	struct taken taken;

	if (account_free(p, &slot))
		return !census_has_none(p);
	taken = account_take_slow((uintptr_t)p, frame.sp);
	account_taken_slow(taken, (uintptr_t)p, frame.sp);
	return taken.word;
}

/* And realloc. */
static __attribute__((noinline)) bool take(void *p)
{
	const struct frame frame = CALLER_FRAME;
	struct taken taken = account_take(p, frame.sp);

	if (taken.word)
		account_taken(taken, p, frame.sp);
	return taken.word;
}

static uint64_t freed(void)
{
	static struct region_cell sums[1024];
	struct region_view view = store_view();
	uint64_t n = 0;

	memset(sums, 0, sizeof(sums));
	region_sum(&view, sums, 1024);
	for (unsigned i = 0; i < 1024; i++)
		n += sums[i].freed_blocks;
	return n;
}

static void test_sampled(void)
{
	begin(MODE_SAMPLED);
	CHECK(census_has_none(HERE) && census_has_none(ELSEWHERE));
	CHECK(blockmap_now.heads != span_heads);
	allocate(HERE, true);
	allocate(BESIDE, false);
	allocate(ELSEWHERE, false);
	CHECK(!census_has_none(HERE) && !census_has_none(BESIDE) && census_has_none(ELSEWHERE));
	CHECK(blockmap_find((uintptr_t)HERE) != NULL && blockmap_find((uintptr_t)BESIDE) == NULL);
	CHECK(!release(ELSEWHERE) && !release(BESIDE) && !take(ELSEWHERE) && !take(BESIDE));
	CHECK_EQ(freed(), 0);
	CHECK(release(HERE));
	CHECK_EQ(freed(), 1);
	CHECK(census_has_none(HERE) && !release(HERE) && !take(HERE));
	allocate(HERE, true);
	CHECK(take(HERE) && census_has_none(HERE));
	CHECK_EQ(freed(), 2);
	CHECK_EQ(store->agent.unknown_frees, 0);
}

/* A free that was not seen: its word goes when another block takes the place. */
static void test_stale(void)
{
	begin(MODE_SAMPLED);
	allocate(HERE, true);
	allocate(HERE, true);
	CHECK_EQ(freed(), 1);
	CHECK(release(HERE) && census_has_none(HERE));
}

/* Blocks of the times before and after, freed after and before they are met again. */
static void switch_to(uint32_t mode)
{
	begin(MODE_SAMPLED);
	allocate(HERE, true);
	allocate(BESIDE, false);
	allocate(ELSEWHERE, false);
	mode_set(MODE_OFF, 1);
	CHECK(census_has_none(ELSEWHERE) && !census_has_none(HERE));
	mode_set(mode, 1);
	CHECK(!census_has_none(HERE) && !census_has_none(ELSEWHERE) && blockmap_now.heads == span_heads);
	CHECK(release(HERE));
	CHECK(!release(BESIDE));
	enter_thread();
	CHECK_EQ(thread.mode, mode);
	allocate(HERE, false);
	allocate(ELSEWHERE, false);
	CHECK_EQ(freed(), 1);
	CHECK(release(ELSEWHERE) && release(HERE));
	CHECK_EQ(freed(), 3);
	/* It never comes back. */
	allocate(ELSEWHERE, false);
	mode_set(MODE_SAMPLED, 1);
	enter_thread();
	CHECK(!census_has_none(ELSEWHERE) && release(ELSEWHERE));
	CHECK_EQ(store->agent.unknown_frees, 0);
}

static void test_switch_to_exact(void)
{
	switch_to(MODE_EXACT);
}

static void test_switch_to_counts(void)
{
	switch_to(MODE_COUNTS);
}

static void test_begun_exact(void)
{
	begin(MODE_EXACT);
	allocate(HERE, false);
	mode_set(MODE_SAMPLED, 1);
	enter_thread();
	CHECK(!census && !census_has_none(HERE) && !census_has_none(ELSEWHERE));
	CHECK(release(HERE));
}

/* What lifecycle does in a child. */
static void become_child(void)
{
	int fd;

	CHECK(store_copy(&fd));
	shards_postfork_child();
	CHECK(fork_inherit());
	blockmap_postfork_child();
	census_postfork_child();
	__atomic_store_n(&process_page.epoch, EPOCH_FIRST + 1000, __ATOMIC_RELEASE);
	enter_thread();
}

static void child_of_sampled(void)
{
	CHECK(!census_has_none(HERE) && !census_has_none(ELSEWHERE)); /* nothing is believed yet */
	CHECK(blockmap_find((uintptr_t)HERE) == NULL);
	become_child();
	CHECK(!census_has_none(HERE) && census_has_none(ELSEWHERE));
	CHECK(release(HERE) && census_has_none(HERE) && !release(ELSEWHERE));
	CHECK_EQ(freed(), 1);
	mode_set(MODE_EXACT, 1);
	enter_thread();
	allocate(ELSEWHERE, false);
	CHECK(release(ELSEWHERE));
}

static void child_of_exact(void)
{
	become_child();
	CHECK(!census_has_none(HERE) && !census_has_none(ELSEWHERE) && blockmap_now.heads == span_heads);
	CHECK(release(HERE));
}

static void test_child(void)
{
	begin(MODE_SAMPLED);
	allocate(HERE, true);
	fork_prepare();
	CHECK_EQ(in_child(child_of_sampled), 0);
	fork_parent();
	mode_set(MODE_EXACT, 1);
	fork_prepare();
	CHECK_EQ(in_child(child_of_exact), 0);
	fork_parent();
}

/* A byte that has been full stays so. */
static void test_many(void)
{
	begin(MODE_SAMPLED);
	for (unsigned i = 0; i < 254; i++)
		census_word_comes(PIECE);
	for (unsigned i = 0; i < 254; i++)
		census_word_went(PIECE);
	CHECK(census_has_none((void *)(uintptr_t)PIECE));
	for (unsigned i = 0; i < 300; i++)
		census_word_comes(PIECE);
	for (unsigned i = 0; i < 300; i++)
		census_word_went(PIECE);
	CHECK(!census_has_none((void *)(uintptr_t)PIECE));
	/* The first and the last piece, the one behind that, and those far above. */
	census_word_comes(0);
	census_word_comes((uint64_t)CENSUS_BYTES * PIECE - 1);
	CHECK(!census_has_none((void *)(uintptr_t)(PIECE - 1)) && census_has_none((void *)(uintptr_t)(2 * PIECE)));
	CHECK(!census_has_none((void *)(uintptr_t)((uint64_t)CENSUS_BYTES * PIECE)));
	CHECK(!census_has_none((void *)(uintptr_t)((uint64_t)CENSUS_BYTES * PIECE * 8 - PIECE)));
}

static void *come_and_go(void *number)
{
	uintptr_t first = (uintptr_t)number % 2 * PIECE;

	for (unsigned i = 0; i < WORDS; i++) {
		for (unsigned j = 0; j < 10; j++)
			census_word_comes(first + j);
		CHECK(!census_has_none((void *)first));
		for (unsigned j = 0; j < 10; j++)
			census_word_went(first + j);
	}
	return NULL;
}

static void test_threads(void)
{
	begin(MODE_SAMPLED);
	in_threads(8, come_and_go);
	CHECK(census_has_none(NULL) && census_has_none((void *)(uintptr_t)PIECE));
}

int main(void)
{
	CASE(test_sampled);
	CASE(test_stale);
	CASE(test_switch_to_exact);
	CASE(test_switch_to_counts);
	CASE(test_begun_exact);
	CASE(test_child);
	CASE(test_many);
	CASE(test_threads);
	return check_result();
}
