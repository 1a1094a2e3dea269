/*
 * Tests of agent/stack: a remembered stack is found again, and another one is not.
 */
#include "agent/memory.h"
#include "tests/unit/agent/smaps.h"
#include "tests/unit/agent/stacks.h"

static void test_found(void)
{
	uintptr_t sp = (uintptr_t)(area + 100);

	begin();
	CHECK(look(sp) == NULL);
	for (unsigned depth = 1; depth < 60; depth++) {
		const struct rule *const *callers = &rules[depth * 7];
		struct backtrace b;

		build(sp, callers, depth);
		CHECK(look(sp) == NULL);
		b = step(sp);
		CHECK_EQ(b.n_frames, depth);
		CHECK_EQ(b.flags, 0);
		for (unsigned i = 0; i < depth; i++)
			CHECK_EQ(b.frames[i], callers[i]->frame);
		remember(sp, 1000 + depth);
		CHECK(meet(sp, 1000 + depth));
		build(sp + 16, callers, depth);
		CHECK(look(sp + 16) == NULL);
		build(sp, callers, depth);
		CHECK(meet(sp, 1000 + depth));
		stack_forget(thread.shard);
	}
}

/* Any word that unwinding reads makes it another stack, and no other word does. */
static void test_changed(void)
{
	uintptr_t sp = (uintptr_t)(area + 100), end;
	unsigned hits = 0, misses = 0;

	begin();
	end = build(sp, rules, 20);
	remember(sp, 7);
	CHECK(meet(sp, 7));
	for (uintptr_t a = sp - 8; a < end; a += 8) {
		uint64_t old = *at(a);
		bool read = old != 0 || a == end - 8;

		*at(a) ^= 8;
		CHECK_EQ(look(sp) != NULL, !read);
		hits += !read;
		misses += read;
		*at(a) = old;
		CHECK(look(sp) != NULL);
	}
	CHECK_EQ(misses, 21);
	CHECK(hits > 0);
}

/* A frame whose CFA is counted from rbp: the register at the hook, or where a callee saved it. */
static void test_frame_pointers(void)
{
	uintptr_t sp = (uintptr_t)(area + 100), bp = sp + 256, far = sp + 1024;
	struct backtrace b;

	begin();
	at(sp)[-2] = bp;
	at(sp)[-1] = bp_rules[0]->pc;
	at(bp)[0] = far;
	at(bp)[1] = bp_rules[1]->pc;
	at(far)[1] = 0;
	b = step(sp);
	CHECK_EQ(b.n_frames, 2);
	CHECK_EQ(b.frames[0], bp_rules[0]->frame);
	CHECK_EQ(b.frames[1], bp_rules[1]->frame);
	CHECK_EQ(b.flags, 0);
	remember(sp, 1);
	CHECK(meet(sp, 1));
	at(sp)[-2] = bp + 16;
	CHECK(look(sp) == NULL);
	at(sp)[-2] = bp;
	at(bp)[0] = far + 16;
	CHECK(look(sp) == NULL);
	at(bp)[0] = far;
	CHECK(meet(sp, 1));
	at(far)[1] = rules[0]->pc;
	CHECK(look(sp) == NULL);
	/* A frame pointer that leads nowhere, or down. */
	at(sp)[-2] = 0x1000;
	CHECK_EQ(step(sp).flags, STACK_INCOMPLETE);
	at(sp)[-2] = sp - 64;
	CHECK_EQ(step(sp).flags, STACK_INCOMPLETE);
	at(sp)[-2] = bp + 3;
	CHECK_EQ(step(sp).flags, STACK_INCOMPLETE);
}

/* malloc is called by one wrapper, and that by 500 functions: same sp, same return address. */
static void wrappers(unsigned levels)
{
	const struct rule *callers[8];
	uintptr_t sp = (uintptr_t)(area + 100);
	unsigned hits = 0;

	begin();
	/* Over 30 rounds, since a table may grow in any of them and forgets then. */
	for (unsigned round = 0; round < 40; round++) {
		if (round == 10)
			hits = 0;
		for (unsigned i = 0; i < 500; i++) {
			for (unsigned level = 0; level < levels; level++)
				callers[level] = rules[500 + level];
			callers[levels] = rules[i];
			build(sp, callers, levels + 1);
			hits += meet(sp, 1 + i);
		}
	}
	CHECK(hits >= 30 * 495);
}

static void test_wrapper(void)
{
	wrappers(1);
}

static void test_wrapped_wrappers(void)
{
	wrappers(5);
}

/* A compiler's: 8,000 stacks of 100 leaves, all of which the largest table has room for, are met again and again. */
static void test_crowd(void)
{
	const struct rule *callers[8];
	unsigned hits = 0;

	begin();
	for (unsigned round = 0; round < 10; round++) {
		if (round == 4)
			hits = 0;
		for (uint32_t i = 0; i < 8000; i++) {
			uintptr_t sp = (uintptr_t)(area + 100) + i % 100 * 16;

			for (unsigned k = 0; k < 8; k++)
				callers[k] =
					rules[(i % 100 + k * 100 + i / (k < 2 ? 8000 : 100 << (k - 2)) * 7) % RULES];
			build(sp, callers, 8);
			hits += meet(sp, 1 + i);
		}
	}
	CHECK(hits >= 6 * 7800);
}

/* Stacks that differ near their leaf have one root in memory; each is found, and no other. */
static void test_shared_root(void)
{
	const struct rule *callers[40];
	uintptr_t sp = (uintptr_t)(area + 100);
	uint64_t before;
	unsigned n = 0;

	begin();
	memcpy(callers, rules, sizeof(callers));
	build(sp, callers, 40);
	CHECK(!meet(sp, 1));
	before = thread.shard->entries_used;
	for (unsigned i = 0; i < RULES && n < 8; i++) {
		if (rules[i]->cfa != rules[2]->cfa || rules[i] == rules[2])
			continue;
		callers[2] = rules[i];
		build(sp, callers, 40);
		CHECK(!meet(sp, 2 + i));
		CHECK(meet(sp, 2 + i));
		n++;
	}
	CHECK_EQ(n, 8);
	CHECK_EQ(thread.shard->entries_used - before, 8 * (sizeof(struct stack_entry) + sizeof(struct stack_part)));
	callers[20] = rules[77]; /* in the midst of the root: what is behind it may be shared again, nothing else */
	build(sp, callers, 40);
	CHECK(!meet(sp, 5000));
	CHECK(meet(sp, 5000));
}

/* As many stacks as a line has slots, all of which belong into the first one: the fast path finds nearly all. */
static void test_line(void)
{
	uintptr_t found[STACK_LINE], sp = (uintptr_t)(area + 100);
	unsigned n = 0, hits = 0;
	uint64_t first = 0;

	begin();
	for (; n < STACK_LINE; sp += 64) {
		uint64_t at;

		build(sp, rules, 1);
		at = stack_slot(thread.shard->own_table, stack_leaf_key(sp));
		if (!n)
			first = at;
		if (at != first)
			continue;
		remember(sp, 1 + n);
		found[n++] = sp;
	}
	for (unsigned round = 0; round < 100; round++)
		for (unsigned i = 0; i < STACK_LINE; i++) {
			const struct stack_entry *e = stack_lookup(thread.shard, found[i]);

			hits += e && e->word == 1 + i;
			CHECK(meet(found[i], 1 + i));
		}
	CHECK(hits >= 100 * STACK_LINE * 14 / 16);
}

/* Many more stacks than there is room for. */
static void flood(uintptr_t sp)
{
	const struct rule *callers[6];
	uint64_t random = 5;

	for (uint32_t i = 0; i < 60000; i++) {
		uint64_t place = random_below(&random, 500), path = random_below(&random, 100);

		for (unsigned k = 0; k < 6; k++)
			callers[k] = rules[(path * 7 + k * 31 + place) % RULES];
		build(sp + place * 16, callers, 6);
		meet(sp + place * 16, place * 1000 + path + 1);
	}
}

/* Memory has an end, and all that is found is right. */
static void test_flood(void)
{
	uintptr_t sp = (uintptr_t)(area + 100);
	unsigned hits = 0;
	uint64_t before;

	begin();
	before = memory_total();
	flood(sp);
	CHECK_EQ(thread.shard->own_table->mask + 1, 32768);
	CHECK_EQ((uintptr_t)thread.shard->own_table % HUGE_PAGE, 0);
	CHECK(!smaps_has((char *)thread.shard->own_table + HUGE_PAGE, " hg"));
	CHECK(memory_total() - before < 8 * MEGABYTE); /* the largest table, and the smaller ones before it */
	/* A few are met again, once it has been long enough that filling the table did not pay. */
	for (uint32_t i = 0; i < 270000; i++) {
		uintptr_t leaf = sp + (i % 50) * (i % 50) * 16;

		if (i == 266000)
			hits = 0;
		build(leaf, &rules[i % 50 * 10], 10);
		hits += meet(leaf, 1000000 + i % 50);
	}
	CHECK(hits > 3000);
}

/* Where there are no huge pages the table grows all the same. */
static void test_flood_in_sandbox(void)
{
	begin();
	process_sandbox = SANDBOX_FILTER;
	flood((uintptr_t)(area + 100));
	CHECK_EQ(thread.shard->own_table->mask + 1, 32768);
}

static void test_forget(void)
{
	uintptr_t sp = (uintptr_t)(area + 100);

	begin();
	build(sp, rules, 20);
	remember(sp, 7);
	CHECK(meet(sp, 7));
	stack_forget(thread.shard);
	CHECK(look(sp) == NULL);
	remember(sp, 8);
	CHECK(meet(sp, 8));
	stack_disown(thread.shard);
	CHECK(look(sp) == NULL);
	remember(sp, 9);
	CHECK(look(sp) == NULL); /* what was stepped before the news is not kept */
	process_epoch_advance();
	thread_leave(BUSY_NO);
	enter();
	CHECK(look(sp) == NULL);
	remember(sp, 10);
	CHECK(meet(sp, 10));
}

/* A stack whose bounds nobody told, as of a coroutine, whose upper page goes. */
static void test_unknown_bounds(void)
{
	char *pages = mmap(NULL, 12288, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uintptr_t sp = (uintptr_t)pages + 3840, end;
	struct backtrace b;

	begin();
	mprotect(pages + 8192, 4096, PROT_NONE);
	end = build(sp, rules, 20);
	CHECK(end > (uintptr_t)pages + 4096 && end < (uintptr_t)pages + 8192);
	CHECK(look(sp) == NULL);
	remember(sp, 3);
	CHECK(meet(sp, 3));
	at(sp + (uintptr_t)rules[0]->cfa)[-1] ^= 8;
	mprotect(pages + 4096, 4096, PROT_NONE);
	CHECK(look(sp) == NULL); /* and reads nothing behind that word */
	at(sp + (uintptr_t)rules[0]->cfa)[-1] ^= 8;
	stack_forget(thread.shard);
	b = step(sp); /* the end cannot be read */
	CHECK_EQ(b.flags, STACK_INCOMPLETE);
	CHECK(b.n_frames >= 2 && b.n_frames < 20);
}

/* The same leaf on a stack of known bounds before: its pivot is no way for one whose bounds nobody told. */
static void test_unknown_bounds_at_pivot(void)
{
	uintptr_t sp = (uintptr_t)(area + 100);
	const struct rule *callers[2];

	begin();
	callers[0] = rules[0];
	for (unsigned i = 1; i <= 6; i++) {
		callers[1] = rules[i];
		build(sp, callers, 2);
		meet(sp, i);
	}
	thread.stack_low = thread.stack_high = 0;
	callers[1] = rules[7];
	build(sp, callers, 2);
	CHECK(look(sp) == NULL);
	remember(sp, 7);
	CHECK(meet(sp, 7));
}

/* Addresses with more than 48 bits are no addresses: stacks that differ in them alone are two. */
static void test_wide_words(void)
{
	uintptr_t sp = (uintptr_t)(area + 100), end;

	begin();
	end = build(sp, rules, 3);
	at(end)[-1] = UINT64_C(5) << 48;
	remember(sp, 4);
	at(end)[-1] = UINT64_C(6) << 48;
	CHECK(look(sp) == NULL);
	build(sp, rules, 3);
	CHECK(look(sp) == NULL);
}

static void test_deep(void)
{
	uintptr_t sp = (uintptr_t)(area + 100);
	struct backtrace b;

	begin();
	build(sp, rules, 500);
	b = step(sp);
	CHECK_EQ(b.n_frames, options.depth);
	CHECK_EQ(b.flags, STACK_CUT);
	for (unsigned i = 0; i < b.n_frames; i++)
		CHECK_EQ(b.frames[i], rules[i]->frame);
	remember(sp, 5);
	CHECK(meet(sp, 5));
	for (unsigned depth = options.depth - 3; depth < options.depth; depth++) {
		build(sp, rules, depth);
		CHECK_EQ(step(sp).flags, 0);
	}
	build(sp, rules, options.depth + 1);
	CHECK_EQ(step(sp).flags, STACK_CUT);
}

int main(void)
{
	CASE(test_found);
	CASE(test_changed);
	CASE(test_frame_pointers);
	CASE(test_wrapper);
	CASE(test_wrapped_wrappers);
	CASE(test_crowd);
	CASE(test_shared_root);
	CASE(test_line);
	CASE(test_flood);
	CASE(test_flood_in_sandbox);
	CASE(test_forget);
	CASE(test_unknown_bounds);
	CASE(test_unknown_bounds_at_pivot);
	CASE(test_wide_words);
	CASE(test_deep);
	return check_result();
}
