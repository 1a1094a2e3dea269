/*
 * Tests of agent/callsite: equal stacks have one id, others have others, and counts have one place whoever races.
 */
#include "agent/callsite.h"
#include "tests/unit/agent/agent.h"

#define MEGABYTE (UINT64_C(1) << 20)
#define THREADS 8
#define STACKS 2000
#define MANY 100000u

static uint32_t intern(const uint64_t *frames, uint32_t n, uint32_t flags)
{
	uint64_t hash = 0;

	for (uint32_t i = n; i-- > 0;)
		hash = callsite_hash_more(hash, frames[i]);
	return callsite_intern(frames, n, flags, hash);
}

static bool holds(uint32_t id, const uint64_t *frames, uint32_t n, uint32_t flags)
{
	const struct region_callsite *c = callsite_record(id);

	return c && c->id == id && c->n_frames == n && c->flags == flags && c->record.kind == REGION_CALLSITE &&
	       !memcmp(c->frames, frames, n * sizeof(*frames));
}

static void test_equality(void)
{
	uint64_t a[] = {1, 2, 3}, b[] = {1, 2, 4}, c[] = {3, 2, 1}, deep[CALLSITE_DEPTH];
	uint32_t ids[8];

	agent_begin(8 * MEGABYTE);
	CHECK_EQ(callsite_count(), 0);
	for (unsigned i = 0; i < CALLSITE_DEPTH; i++)
		deep[i] = i;
	ids[0] = intern(a, 3, 0);
	ids[1] = intern(b, 3, 0);
	ids[2] = intern(c, 3, 0);
	ids[3] = intern(a, 2, 0);
	ids[4] = intern(a, 3, STACK_CUT);
	ids[5] = intern(a, 3, STACK_INCOMPLETE);
	ids[6] = intern(deep, CALLSITE_DEPTH, 0);
	ids[7] = intern(deep, CALLSITE_DEPTH - 1, 0);
	for (unsigned i = 0; i < 8; i++) {
		CHECK(ids[i] >= 1 && ids[i] <= callsite_count());
		for (unsigned j = 0; j < i; j++)
			CHECK(ids[i] != ids[j]);
	}
	CHECK_EQ(callsite_count(), 8);
	CHECK(holds(ids[0], a, 3, 0));
	CHECK(holds(ids[4], a, 3, STACK_CUT));
	CHECK(holds(ids[6], deep, CALLSITE_DEPTH, 0));
	CHECK_EQ(intern(a, 3, 0), ids[0]);
	CHECK_EQ(intern(a, 3, STACK_CUT), ids[4]);
	CHECK_EQ(intern(a, 3, STACK_INCOMPLETE), ids[5]);
	CHECK_EQ(intern(deep, CALLSITE_DEPTH, 0), ids[6]);
	CHECK_EQ(callsite_count(), 8);
	CHECK_EQ(store->agent.cut_stacks, 1);
	CHECK_EQ(store->agent.incomplete_stacks, 1);
	CHECK(callsite_record(0) == NULL);
	CHECK(callsite_record(9) == NULL);
	CHECK(callsite_record(REGION_CALLSITES - 1) == NULL);
}

/* Stacks whose hashes are equal. */
static void test_collisions(void)
{
	uint64_t stacks[200][2];
	uint32_t ids[200];

	agent_begin(8 * MEGABYTE);
	for (uint64_t i = 0; i < 200; i++) {
		stacks[i][0] = 4711 - i * CALLSITE_HASH_FACTOR;
		stacks[i][1] = i;
		ids[i] = intern(stacks[i], 2, 0);
		CHECK_EQ(callsite_record(ids[i])->hash, 4711);
	}
	CHECK_EQ(callsite_count(), 200);
	for (unsigned i = 0; i < 200; i++) {
		CHECK_EQ(intern(stacks[i], 2, 0), ids[i]);
		CHECK(holds(ids[i], stacks[i], 2, 0));
	}
}

/* The hash of a part of a stack, from those of what ends with it and what lies beyond it. */
static void test_hash_of_parts(void)
{
	uint64_t hashes[201] = {0}, frames[200], random = 3;

	for (unsigned i = 0; i < 200; i++) {
		frames[i] = random_below(&random, UINT64_C(1) << 60);
		hashes[i + 1] = callsite_hash_more(hashes[i], frames[i]);
		CHECK_EQ(callsite_hash_less(hashes[i + 1], frames[i]), hashes[i]);
	}
	for (unsigned from = 0; from < 200; from += 7)
		for (unsigned to = from; to <= 200; to++) {
			uint64_t part = 0;

			for (unsigned i = from; i < to; i++)
				part = callsite_hash_more(part, frames[i]);
			CHECK_EQ(callsite_hash_between(hashes[to], hashes[from], to - from), part);
		}
}

static void test_many(void)
{
	static uint32_t ids[MANY];
	struct region_view view;
	unsigned wrong = 0;

	agent_begin(64 * MEGABYTE);
	for (uint64_t i = 0; i < MANY; i++) {
		uint64_t frames[] = {i % 10, i, i / 7};

		ids[i] = intern(frames, 1 + i % 3 + (i % 3 == 0), 0);
	}
	for (uint64_t i = 0; i < MANY; i++) {
		uint64_t frames[] = {i % 10, i, i / 7};
		uint32_t n = 1 + i % 3 + (i % 3 == 0);

		wrong += intern(frames, n, 0) != ids[i] || !holds(ids[i], frames, n, 0);
	}
	CHECK_EQ(wrong, 0);
	CHECK_EQ(callsite_count(), MANY);
	view = store_view();
	CHECK_EQ(region_callsite_bound(&view), MANY + 1);
	CHECK_EQ(store->agent.lost, 0);
}

static uint32_t seen[THREADS][2][STACKS];
static pthread_barrier_t barrier;

static uint32_t stack_of(uint64_t *frames, uint64_t i, uint64_t owner)
{
	uint32_t n = 1 + (uint32_t)(i % 20);

	for (uint32_t k = 0; k < n; k++)
		frames[k] = i * 1000 + k;
	frames[n - 1] = owner << 32 | i; /* a stack of one thread alone, or of all */
	return n;
}

static void *intern_many(void *number)
{
	uintptr_t t = (uintptr_t)number;
	uint64_t frames[32], random = 1;

	pthread_barrier_wait(&barrier);
	for (unsigned i = 0; i < STACKS; i++) {
		/* All meet the same stacks in the same order, so that they race for each of them. */
		uint32_t n = stack_of(frames, i, 0);

		seen[t][0][i] = intern(frames, n, 0);
		if (random_below(&random, 4) == 0)
			sched_yield();
		n = stack_of(frames, i, t + 1);
		seen[t][1][i] = intern(frames, n, 0);
	}
	return NULL;
}

static void test_threads(void)
{
	static bool used[THREADS * STACKS * 2 + 1];
	uint64_t frames[32];
	unsigned wrong = 0;

	agent_begin(64 * MEGABYTE);
	pthread_barrier_init(&barrier, NULL, THREADS);
	in_threads(THREADS, intern_many);
	for (unsigned i = 0; i < STACKS; i++) {
		uint32_t n = stack_of(frames, i, 0), id = intern(frames, n, 0);

		wrong += !holds(id, frames, n, 0) || used[id];
		used[id] = true;
		for (unsigned t = 0; t < THREADS; t++)
			wrong += seen[t][0][i] != id;
		for (unsigned t = 0; t < THREADS; t++) {
			n = stack_of(frames, i, t + 1);
			id = intern(frames, n, 0);
			wrong += id != seen[t][1][i] || !holds(id, frames, n, 0) || used[id];
			used[id] = true;
		}
	}
	CHECK_EQ(wrong, 0);
	CHECK(callsite_count() >= STACKS * (THREADS + 1));
	CHECK_EQ(store->agent.lost, 0);
}

static void test_full(void)
{
	uint64_t frames[4] = {0};
	uint32_t first, id = 1, n;

	agent_begin(MEGABYTE);
	first = intern(frames, 4, 0);
	for (n = 0; id && n < 100000; n++) {
		frames[0]++;
		id = intern(frames, 4, 0);
	}
	CHECK(n > 1000 && n < 100000);
	CHECK_EQ(store->agent.lost, LOST_REGION_FULL);
	CHECK_EQ(store->agent.dropped, 1);
	CHECK_EQ(intern(frames, 4, 0), 0);
	CHECK_EQ(store->agent.dropped, 2);
	CHECK_EQ(callsite_count(), n);
	frames[0] = 0;
	CHECK_EQ(intern(frames, 4, 0), first);
	frames[0] = n - 1;
	CHECK_EQ(intern(frames, 4, 0), n);
}

/* A child's callsites are the parent's: same ids for the same stacks, in the region of its own. */
static void intern_in_copy(void)
{
	uint64_t frames[] = {10, 11}, more[] = {12};
	int fd;

	CHECK(store_copy(&fd));
	CHECK_EQ(intern(frames, 2, 0), 1);
	CHECK_EQ(intern(more, 1, 0), 2);
}

static void test_copy(void)
{
	uint64_t frames[] = {10, 11}, others[] = {13};

	agent_begin(MEGABYTE);
	CHECK_EQ(intern(frames, 2, 0), 1);
	CASE(intern_in_copy);
	CHECK_EQ(callsite_count(), 1);
	CHECK_EQ(intern(others, 1, 0), 2);
	CHECK(holds(2, others, 1, 0));
}

int main(void)
{
	CASE(test_equality);
	CASE(test_collisions);
	CASE(test_hash_of_parts);
	CASE(test_many);
	CASE(test_threads);
	CASE(test_full);
	CASE(test_copy);
	return check_result();
}
