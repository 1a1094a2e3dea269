/*
 * Tests of agent/mode: over many runs with fixed seeds the sample's estimates are right on average, and so
 * are the errors that are told with them; and what a thread does in each mode.
 */
#include "agent/mode.h"
#include "agent/callsite.h"
#include "agent/estimate.h"
#include "agent/gap.h"
#include "agent/stack.h"
#include "protocol/sampling.h"
#include "tests/unit/agent/agent.h"

#define MEGABYTE (UINT64_C(1) << 20)
#define SAMPLE_BYTES 16384
#define RUNS 600
#define BLOCKS 3000

struct figure {
	double is, estimate, variance;
};

struct run {
	struct figure live_bytes, live_blocks, freed_bytes;
};

static struct shard shard;

/* A hook in mode sampled: does the sample meet the block? */
static bool meets(uint64_t size, struct wire_sampling *sampling)
{
	if (thread.until > (int64_t)size) {
		thread.until -= (int64_t)size + 1;
		return false;
	}
	return mode_meets(&shard, size, sampling);
}

static void add(struct figure *f, const uint64_t *blocks, const uint64_t *bytes)
{
	for (uint32_t class = 1; class < SAMPLING_CLASSES; class ++) {
		struct wire_sampling sampling = {.sample_bytes = SAMPLE_BYTES, .class = class};
		double weight = sampling_weight(&sampling);

		f->estimate += weight * (double)bytes[class];
		f->variance += sampling_variance(weight, (double)blocks[class], (double)bytes[class]);
	}
}

/*
 * Sizes from a sixty-fourth of the mean gap to four times that, most of them small; every third block is freed again.
 * (Of much smaller blocks too few are met for the intervals to be of a normal distribution.)
 */
static void run_once(uint64_t *state, struct run *run)
{
	static uint64_t blocks[2][SAMPLING_CLASSES], bytes[2][SAMPLING_CLASSES];

	memset(blocks, 0, sizeof(blocks));
	memset(bytes, 0, sizeof(bytes));
	memset(run, 0, sizeof(*run));
	for (unsigned i = 0; i < BLOCKS; i++) {
		uint64_t size = 256 + (gap_random(state) >> 1) % (UINT64_C(1) << gap_random(state) % 17);
		struct wire_sampling sampling;
		bool freed = i % 3 == 0;

		if (freed) {
			run->freed_bytes.is += (double)size;
		} else {
			run->live_bytes.is += (double)size;
			run->live_blocks.is++;
		}
		if (!meets(size, &sampling))
			continue;
		CHECK_EQ(sampling.sample_bytes, SAMPLE_BYTES);
		blocks[freed][sampling.class]++;
		bytes[freed][sampling.class] += size;
	}
	add(&run->live_bytes, blocks[0], bytes[0]);
	add(&run->live_blocks, blocks[0], blocks[0]);
	add(&run->freed_bytes, blocks[1], bytes[1]);
}

struct quality {
	double bias, variance;
	unsigned within;
};

static void judge(struct quality *q, const struct figure *f)
{
	q->bias += f->estimate - f->is;
	q->variance += f->variance;
	q->within += fabs(f->estimate - f->is) <= 1.96 * sqrt(f->variance);
}

static void check_quality(const struct quality *q)
{
	CHECK_NEAR(q->bias, 0, 3 * sqrt(q->variance));
	/* 95 % of the intervals hold the truth, to three standard errors of such a share. */
	CHECK_NEAR((double)q->within / RUNS, 0.95, 3 * sqrt(0.95 * 0.05 / RUNS));
}

static void test_estimates(void)
{
	struct quality live_bytes = {0}, live_blocks = {0}, freed_bytes = {0};
	uint64_t state = 12345;
	struct run run;

	thread.mode = MODE_SAMPLED;
	thread.sample_bytes = SAMPLE_BYTES;
	shard.random = 99;
	shard.countdown = UINT64_MAX;
	for (unsigned i = 0; i < RUNS; i++) {
		run_once(&state, &run);
		judge(&live_bytes, &run.live_bytes);
		judge(&live_blocks, &run.live_blocks);
		judge(&freed_bytes, &run.freed_bytes);
	}
	check_quality(&live_bytes);
	check_quality(&live_blocks);
	check_quality(&freed_bytes);
}

/* Blocks of no and of few bytes are met as rarely as they should, and stand for as many. */
static void test_tiny(void)
{
	double estimate = 0, variance = 0;
	struct wire_sampling sampling;

	thread.mode = MODE_SAMPLED;
	thread.sample_bytes = 1024;
	shard.random = 3;
	shard.countdown = UINT64_MAX;
	for (unsigned i = 0; i < 4000000; i++)
		if (meets(i % 4, &sampling)) {
			estimate += sampling_weight(&sampling);
			variance += sampling_variance(sampling_weight(&sampling), 1, 1);
		}
	CHECK_NEAR(estimate, 4000000, 3 * sqrt(variance));
	CHECK_RANGE(sqrt(variance) / estimate, 0.005, 0.02);
}

/* Stops to look at the clock change nothing about which blocks are met. */
static void test_stops(void)
{
	struct wire_sampling sampling;
	uint64_t met[2] = {0}, stops = 0, state = 5;

	thread.mode = MODE_SAMPLED;
	thread.sample_bytes = SAMPLE_BYTES;
	for (int looks = 0; looks < 2; looks++) {
		shard.random = 1;
		thread.until = thread.rest = 0;
		for (unsigned i = 0; i < 100000; i++) {
			uint64_t size = gap_random(&state) % 500;

			bool stop = thread.until <= (int64_t)size;

			met[looks] += meets(size, &sampling);
			if (!stop)
				continue;
			stops += (uint64_t)looks;
			shard.countdown = looks ? 10 : UINT64_MAX;
			mode_next_stop(&shard);
			CHECK(thread.until <= (looks ? 640 : INT64_MAX));
		}
	}
	CHECK(stops > 20000);
	CHECK(met[0] > 1200 && met[0] < 1800);
	CHECK(met[1] > 1200 && met[1] < 1800);
}

/* The countdown has gone beyond its end: a handler allocated in the midst of it. */
static void test_overrun(void)
{
	struct wire_sampling sampling;

	thread.mode = MODE_SAMPLED;
	thread.sample_bytes = SAMPLE_BYTES;
	shard.random = 1;
	shard.countdown = UINT64_MAX;
	thread.until = -50;
	thread.rest = 1000;
	CHECK(!mode_meets(&shard, 10, &sampling));
	CHECK_EQ(thread.until + thread.rest, 1000 - 50 - 11);
	thread.until = -50;
	thread.rest = 0;
	CHECK(mode_meets(&shard, 10, &sampling));
	CHECK(thread.until >= 0 && thread.rest == 0);
}

static void enter(uint32_t mode)
{
	mode_set(mode, SAMPLE_BYTES);
	thread.shard->table = thread.shard->own_table;
	mode_thread(thread.shard);
}

static void test_modes(void)
{
	struct wire_sampling sampling = {0};

	agent_begin(8 * MEGABYTE);
	mode_init();
	CHECK(stack_init_shard(&shard));
	thread.shard = &shard;
	enter(MODE_EXACT);
	CHECK(shard.table == shard.own_table);
	CHECK(thread.until == 0 && thread.rest == 0 && !thread.partial);
	CHECK_EQ(store->agent.lost, 0);

	enter(MODE_COUNTS);
	CHECK(shard.table == &stack_nothing && thread.until == 0 && !thread.partial);
	CHECK(shard.bare != NULL && shard.bare->word != 0);
	CHECK(callsite_record((uint32_t)shard.bare->word)->n_frames == 0);
	CHECK_EQ(callsite_record((uint32_t)shard.bare->word)->flags, STACK_NONE);
	CHECK_EQ(store->agent.lost, LOST_MODE);

	enter(MODE_OFF);
	CHECK(shard.table == &stack_nothing && thread.partial);
	for (unsigned i = 0; i < 1000; i++)
		CHECK(!meets(UINT64_C(1) << 40, &sampling));

	enter(MODE_SAMPLED);
	CHECK(shard.table == &stack_nothing && thread.partial && thread.until > 0);
	CHECK(meets(UINT64_C(1) << 40, &sampling));
	CHECK_EQ(sampling.sample_bytes, SAMPLE_BYTES);

	enter(MODE_EXACT);
	CHECK(shard.table == shard.own_table && thread.until == 0 && thread.rest == 0 && thread.partial);
	CHECK_EQ(store->agent.modes, 1u << MODE_EXACT | 1u << MODE_COUNTS | 1u << MODE_OFF | 1u << MODE_SAMPLED);
	CHECK_EQ(store->agent.mode, MODE_EXACT);
}

/* SET of something else leaves a mode that the governor has chosen; SET of the mode sets it. */
static void test_configure(void)
{
	agent_begin(8 * MEGABYTE);
	mode_init();
	mode_set(MODE_COUNTS, SAMPLE_BYTES);
	mode_configure();
	CHECK_EQ(mode_now(), MODE_COUNTS);
	options.sample_bytes = 1;
	mode_configure();
	CHECK_EQ(mode_now(), MODE_EXACT);
	CHECK_EQ(store->agent.sample_bytes, 1);
	options.mode = MODE_SAMPLED;
	mode_configure();
	CHECK_EQ(mode_now(), MODE_SAMPLED);
}

/* Callsites of one stack, but for every block, and for samples that differ. */
static void test_callsites(void)
{
	struct wire_sampling a = {.sample_bytes = 100, .class = 20}, b = {.sample_bytes = 100, .class = 21},
			     c = {.sample_bytes = 101, .class = 20};
	const struct region_cell *estimates;
	struct region_cell sums[5] = {{0}}, total;
	uint64_t frames[] = {1, 2, 3};
	uint32_t ids[4];

	agent_begin(8 * MEGABYTE);
	ids[0] = callsite_intern(frames, 3, 0, 1);
	ids[1] = callsite_intern_sampled(frames, 3, 0, 1, &a);
	ids[2] = callsite_intern_sampled(frames, 3, 0, 1, &b);
	ids[3] = callsite_intern_sampled(frames, 3, 0, 1, &c);
	for (unsigned i = 0; i < 4; i++)
		for (unsigned j = 0; j < i; j++)
			CHECK(ids[i] && ids[i] != ids[j]);
	CHECK_EQ(callsite_intern_sampled(frames, 3, 0, 1, &a), ids[1]);
	CHECK_EQ(callsite_intern(frames, 3, 0, 1), ids[0]);
	CHECK_EQ(callsite_record(ids[3])->sample_bytes, 101);
	CHECK_EQ(callsite_record(ids[3])->flags, STACK_SAMPLED);
	for (unsigned i = 0; i < 4; i++)
		sums[ids[i]] = (struct region_cell){100, 8000, 50, 4000};
	CHECK(estimate(sums, 5) == sums); /* nothing was ever sampled */
	store->agent.modes = 1u << MODE_SAMPLED;
	for (unsigned i = 0; i < 2; i++) {
		estimates = estimate(sums, 5);
		CHECK_EQ(estimates[ids[0]].allocated_bytes, 8000);
		CHECK_EQ(estimates[ids[1]].allocated_bytes, (uint64_t)(8000 * sampling_weight(&a) + 0.5));
		CHECK_EQ(estimates[ids[1]].freed_blocks, 50);
		CHECK_EQ(estimates[ids[3]].freed_bytes, (uint64_t)(4000 * sampling_weight(&c) + 0.5));
	}
	CHECK_EQ(sums[ids[1]].allocated_bytes, 8000);
	total = estimate_total(sums, 5);
	CHECK_EQ(total.freed_blocks, 50 + (uint64_t)(50 * sampling_weight(&a) + 0.5) +
					     (uint64_t)(50 * sampling_weight(&b) + 0.5) +
					     (uint64_t)(50 * sampling_weight(&c) + 0.5));
}

int main(void)
{
	CASE(test_estimates);
	CASE(test_tiny);
	CASE(test_stops);
	CASE(test_overrun);
	CASE(test_modes);
	CASE(test_configure);
	CASE(test_callsites);
	return check_result();
}
