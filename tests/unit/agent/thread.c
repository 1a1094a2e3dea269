/*
 * Tests of agent/thread: a shard is one thread's, outlives it with its counts, and serves the next one.
 */
#include "agent/thread.h"
#include "agent/stack.h"
#include "tests/unit/agent/agent.h"
#include "tests/unit/agent/frames.h"
#include <setjmp.h>

#define MEGABYTE (UINT64_C(1) << 20)
#define THREADS 8
#define CALLSITES 100u

/* A hook's slow way, from begin to end. */
static __attribute__((noinline)) bool enter(uint32_t *was)
{
	const struct frame frame = CALLER_FRAME;

	return thread_enter(&frame, was);
}

static struct shard *count(uint32_t callsite, uint64_t bytes)
{
	struct region_cell *cell;
	uint32_t was;

	if (!enter(&was))
		return NULL;
	cell = shard_cell_new(thread.shard, callsite);
	if (cell) {
		counter_add(&cell->allocated_blocks, 1);
		counter_add(&cell->allocated_bytes, bytes);
		counter_add(&thread.shard->live, bytes);
	}
	thread_leave(was);
	return cell ? thread.shard : NULL;
}

static struct region_cell sum_of(uint32_t callsite)
{
	struct region_cell sums[CALLSITES * 2] = {0};
	struct region_view view = store_view();

	region_sum(&view, sums, CALLSITES * 2);
	return sums[callsite];
}

static void *count_once(void *number)
{
	CHECK(count(1 + (uint32_t)(uintptr_t)number % CALLSITES, 10) != NULL);
	return NULL;
}

static void test_short_threads(void)
{
	pthread_t short_one;

	agent_begin(64 * MEGABYTE);
	count(1, 5);
	CHECK_EQ(shards_count(), 1);
	for (uintptr_t i = 0; i < 1000; i++) {
		pthread_create(&short_one, NULL, count_once, (void *)i);
		pthread_join(short_one, NULL);
	}
	CHECK_EQ(shards_count(), 2);
	CHECK_EQ(sum_of(1).allocated_blocks, 11);
	CHECK_EQ(sum_of(1).allocated_bytes, 105);
	CHECK_EQ(sum_of(CALLSITES).allocated_blocks, 10);
	CHECK_EQ(shards_live(), 5 + 1000 * 10);
}

static pthread_barrier_t barrier;
static struct shard *owned[THREADS];

static void *count_many(void *number)
{
	uintptr_t t = (uintptr_t)number;

	owned[t] = count(1, 1);
	pthread_barrier_wait(&barrier);
	for (uint32_t i = 0; i < 2000; i++)
		if (count(1 + i % CALLSITES, i) != owned[t])
			CHECK(!"the same shard as before");
	pthread_barrier_wait(&barrier);
	return NULL;
}

/* At the same time no two have the same; afterwards all are for others. */
static void test_long_threads(void)
{
	uint64_t blocks = 0;

	agent_begin(64 * MEGABYTE);
	pthread_barrier_init(&barrier, NULL, THREADS);
	for (unsigned round = 0; round < 10; round++) {
		in_threads(THREADS, count_many);
		for (unsigned t = 0; t < THREADS; t++)
			for (unsigned u = 0; u < t; u++)
				CHECK(owned[t] != owned[u] && owned[t] != NULL);
	}
	CHECK(shards_count() <= THREADS);
	for (uint32_t i = 1; i <= CALLSITES; i++)
		blocks += sum_of(i).allocated_blocks;
	CHECK_EQ(blocks, 10 * THREADS * 2001);
	CHECK_EQ(shards_live(), 10 * THREADS * (1 + 2000 * 1999 / 2));
}

static void *end_by_cancel(void *unused)
{
	count(1, 1);
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	for (;;)
		pause();
	return unused;
}

static void *end_by_exit(void *unused)
{
	count(1, 1);
	pthread_exit(unused);
}

static pthread_key_t key;

/* The last frees of a thread come from destructors of others: they are counted, and then the shard is free. */
static void count_late(void *unused)
{
	(void)unused;
	count(2, 1);
}

static void *end_late(void *unused)
{
	count(1, 1);
	pthread_setspecific(key, &key);
	return unused;
}

static void test_ends(void)
{
	void *(*const ends[])(void *) = {end_by_cancel, end_by_exit, end_late};
	pthread_t ending;

	agent_begin(64 * MEGABYTE);
	pthread_key_create(&key, count_late);
	for (unsigned i = 0; i < 60; i++) {
		pthread_create(&ending, NULL, ends[i % 3], NULL);
		if (i % 3 == 0)
			pthread_cancel(ending);
		pthread_join(ending, NULL);
	}
	CHECK_EQ(shards_count(), 1);
	CHECK(sum_of(1).allocated_blocks >= 40);
	CHECK_EQ(sum_of(2).allocated_blocks, 20);
}

static void test_cells(void)
{
	struct region_cell *cells[CALLSITES], *far;

	agent_begin(64 * MEGABYTE);
	count(1, 1);
	for (uint32_t i = 0; i < CALLSITES; i++) {
		CHECK(shard_cell(thread.shard, 1000 * (i + 1)) == NULL);
		cells[i] = shard_cell_new(thread.shard, 1000 * (i + 1));
		CHECK(cells[i] && cells[i]->allocated_blocks == 0 && cells[i]->freed_bytes == 0);
		cells[i]->allocated_blocks = i + 1;
	}
	far = shard_cell_new(thread.shard, REGION_CALLSITES - 1);
	CHECK(far != NULL && far->allocated_blocks == 0);
	for (uint32_t i = 0; i < CALLSITES; i++) {
		CHECK(shard_cell(thread.shard, 1000 * (i + 1)) == cells[i]);
		CHECK(shard_cell_new(thread.shard, 1000 * (i + 1)) == cells[i]);
		CHECK_EQ(cells[i]->allocated_blocks, i + 1);
	}
	CHECK(shard_cell(thread.shard, 1001) == cells[0] + 1);
	while (store_record(64))
		;
	CHECK(shard_cell_new(thread.shard, 5000000) == NULL);
	CHECK(store->agent.lost & LOST_REGION_FULL);
}

/* A handler of the host's allocates while a hook works; the agent's own calls are nobody's. */
static void test_nesting(void)
{
	uint32_t was, nested, third;

	agent_begin(64 * MEGABYTE);
	CHECK(enter(&was));
	CHECK_EQ(was, BUSY_NO);
	CHECK(enter(&nested));
	CHECK(nested != BUSY_NO);
	CHECK(enter(&third));
	CHECK(third != BUSY_NO);
	thread_leave(third);
	thread_leave(nested);
	CHECK(enter(&nested));
	CHECK(nested != BUSY_NO);
	thread_leave(nested);
	thread_leave(was);
	CHECK(enter(&was) && was == BUSY_NO);
	thread_leave(was);
	thread.busy = BUSY_AGENT;
	CHECK(!enter(&was));
	CHECK_EQ(thread.busy, BUSY_AGENT);
	thread.busy = BUSY_NO;
}

static jmp_buf out;

static __attribute__((noinline)) void enter_deeper_and_jump(void)
{
	volatile char room[4096];
	uint32_t was;

	room[0] = 1;
	CHECK(enter(&was));
	longjmp(out, room[0]);
}

/* A handler that came in a hook's slow work has jumped out of it: the hook will not go on. */
static void test_longjmp(void)
{
	uint32_t was;

	agent_begin(64 * MEGABYTE);
	CHECK(enter(&was));
	thread_leave(was);
	if (!setjmp(out))
		enter_deeper_and_jump();
	CHECK(thread.busy != BUSY_NO);
	CHECK(enter(&was));
	CHECK_EQ(was, BUSY_NO);
	thread_leave(was);
	CHECK_EQ(thread.busy, BUSY_NO);
}

static void *enter_dormant(void *unused)
{
	uint32_t was;

	CHECK(!enter(&was));
	CHECK_EQ(thread.busy, BUSY_NO);
	return unused;
}

static void test_epochs(void)
{
	uint32_t was;

	agent_begin(64 * MEGABYTE);
	CHECK(enter(&was));
	thread_leave(was);
	CHECK_EQ(thread.epoch, process_epoch());
	process_epoch_advance();
	CHECK(thread.epoch != process_epoch());
	CHECK(enter(&was));
	thread_leave(was);
	CHECK_EQ(thread.epoch, process_epoch());
	__atomic_store_n(&process_page.epoch, EPOCH_DORMANT, __ATOMIC_RELEASE);
	enter_dormant(NULL);
	in_threads(1, enter_dormant);
	CHECK_EQ(shards_count(), 1);
}

static void check_bounds(void)
{
	int here;

	count(1, 1);
	CHECK(thread.stack_low <= (uintptr_t)&here && (uintptr_t)&here < thread.stack_high);
	CHECK(thread.stack_high - thread.stack_low <= 64 * MEGABYTE);
	CHECK(sys_readable((void *)(thread.stack_high - 8)));
}

static void *bounds_of_thread(void *unused)
{
	check_bounds();
	CHECK(sys_readable((void *)thread.stack_low)); /* all of it is there */
	CHECK(thread.stack_high <= (uintptr_t)pthread_self());
	return unused;
}

static void test_bounds(void)
{
	agent_begin(64 * MEGABYTE);
	check_bounds();
	in_threads(3, bounds_of_thread);
}

static void test_peak(void)
{
	agent_begin(64 * MEGABYTE);
	count(1, 1000);
	shard_peak(thread.shard);
	CHECK_EQ(store->agent.peak_live_bytes, 1000);
	thread.shard->live -= 600;
	shard_peak(thread.shard);
	CHECK_EQ(store->agent.peak_live_bytes, 1000);
	thread.shard->live += 5000;
	CHECK(thread.shard->live > thread.shard->ceiling); /* one thread: the peak is exact */
	shard_peak(thread.shard);
	CHECK_EQ(store->agent.peak_live_bytes, 5400);
	thread.shard->live = UINT64_MAX; /* freed more than it allocated: others allocated that */
	shard_peak(thread.shard);
	CHECK_EQ(store->agent.peak_live_bytes, 5400);
}

static void *peak_of_two(void *unused)
{
	count(1, 1);
	CHECK(!shard_peak_alone(thread.shard));
	return unused;
}

/* The short way says the same, and is for one thread only. */
static void test_peak_alone(void)
{
	agent_begin(64 * MEGABYTE);
	count(1, 1000);
	CHECK(shard_peak_alone(thread.shard));
	CHECK_EQ(store->agent.peak_live_bytes, 1000);
	CHECK_EQ(thread.shard->ceiling, 1000);
	thread.shard->live = 400;
	CHECK(shard_peak_alone(thread.shard));
	CHECK_EQ(store->agent.peak_live_bytes, 1000);
	thread.shard->live = UINT64_MAX;
	CHECK(shard_peak_alone(thread.shard));
	CHECK_EQ(store->agent.peak_live_bytes, 1000);
	in_threads(1, peak_of_two);
	CHECK(!shard_peak_alone(thread.shard));
}

static void use_others(void)
{
	uint32_t n = shards_count();
	struct shard *mine = thread.shard;

	shards_postfork_child();
	CHECK(count(1, 1) == mine);
	pthread_barrier_init(&barrier, NULL, THREADS - 1);
	in_threads(THREADS - 1, count_many);
	for (unsigned t = 0; t < THREADS - 1; t++)
		CHECK(owned[t] != mine && owned[t] != NULL);
	CHECK_EQ(shards_count(), n); /* those of threads that did not come along */
}

static void *fork_among_others(void *number)
{
	count(1, 1);
	pthread_barrier_wait(&barrier);
	if (!number)
		CASE(use_others);
	pthread_barrier_wait(&barrier);
	return NULL;
}

static void test_fork(void)
{
	agent_begin(64 * MEGABYTE);
	pthread_barrier_init(&barrier, NULL, THREADS);
	in_threads(THREADS, fork_among_others);
}

int main(void)
{
	CASE(test_short_threads);
	CASE(test_long_threads);
	CASE(test_ends);
	CASE(test_cells);
	CASE(test_nesting);
	CASE(test_longjmp);
	CASE(test_epochs);
	CASE(test_bounds);
	CASE(test_peak);
	CASE(test_peak_alone);
	if (!CHECK_THREAD_SANITIZER) /* which knows no threads in the child of threads */
		CASE(test_fork);
	return check_result();
}
