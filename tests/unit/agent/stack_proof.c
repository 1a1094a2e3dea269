/*
 * Tests of agent/stack: what is found is what unwinding would say, whatever stands on the stack.
 */
#include "agent/callsite.h"
#include "tests/unit/agent/stacks.h"

/*
 * The claim itself: at a few places, whatever the words are, what is found is what stepping finds. Words
 * change one by one, some to what they were before; frame pointers lead anywhere.
 */
static void test_proof(void)
{
	uint64_t random = 11, *base = area + 100;
	unsigned hits = 0, wrong = 0;

	begin();
	for (unsigned i = 0; i < 60000; i++) {
		uintptr_t sp = (uintptr_t)(base + 2 * random_below(&random, 4));
		uint64_t *word = base - 2 + random_below(&random, 64), kind = random_below(&random, 8);
		const struct stack_entry *e;
		struct backtrace b;
		uint32_t id;

		if (kind < 5)
			*word = rules[random_below(&random, 4)]->pc;
		else if (kind < 6)
			*word = bp_rules[random_below(&random, 2)]->pc;
		else
			*word = (uintptr_t)(base + random_below(&random, 64));
		at(sp)[-1] = rules[random_below(&random, 2)]->pc;
		e = look(sp);
		b = step(sp);
		id = callsite_intern(b.frames, b.n_frames, b.flags, b.hash);
		hits += e != NULL;
		wrong += e && e->word != id;
		if (!e)
			stack_remember(thread.shard, sp, &b, id, &cell);
	}
	CHECK_EQ(wrong, 0);
	CHECK(hits > 5000);
}

static unsigned words_compared;

static bool same_entries(const struct stack_entry *one, const struct stack_entry *other)
{
	const struct stack_part *p = one->rest, *q = other->rest;
	bool same = !memcmp(&one->words, &other->words, sizeof(one->words));

	for (; p && q; p = p->rest, q = q->rest) {
		same = same && !memcmp(p->words.values, q->words.values, sizeof(p->words.values));
		for (unsigned i = 0; i < STACK_PART; i++)
			same = same && p->base + p->words.places[i] == q->base + q->words.places[i];
	}
	return same && !p && !q;
}

/* Both results depend on the same words of the stack, as far as both are remembered. */
static bool same_words(uintptr_t sp, const struct backtrace *resumed, const struct backtrace *anew)
{
	const struct stack_entry *one, *other;

	thread.shard->countdown -= 16; /* as if the table were worth it */
	stack_remember(thread.shard, sp, resumed, 1, &cell);
	one = look(sp);
	stack_remember(thread.shard, sp, anew, 2, &cell);
	other = look(sp);
	if (!one || !other || one->word != 1 || other->word != 2 || resumed->careful != anew->careful)
		return true;
	words_compared++;
	return same_entries(one, other);
}

/*
 * Unwinding goes on from where a stack meets the last one: with frames of one size every two stacks may
 * meet anywhere, and be deeper or less deep than what is kept. The result is that of unwinding anew.
 */
static void resume(uint64_t depth)
{
	const struct rule *same[8];
	uint64_t random = depth, *base = area + 100;
	unsigned n = 0, wrong = 0, cut = 0, whole = 0;

	agent_depth = depth;
	begin();
	for (unsigned i = 0; i < RULES && n < 8; i++)
		if (rules[i]->cfa == 16)
			same[n++] = rules[i];
	CHECK_EQ(n, 8);
	for (unsigned i = 0; i < 200; i++)
		base[i] = same[random_below(&random, n)]->pc;
	for (unsigned i = 0; i < 40000; i++) {
		uintptr_t sp = (uintptr_t)(base + 2 * random_below(&random, 40));
		uint64_t *word = base + random_below(&random, 200), kind = random_below(&random, 40);
		struct frame f;
		struct backtrace resumed, anew;

		if (kind < 10)
			*word = same[random_below(&random, n)]->pc;
		else if (kind < 13)
			*word = 0;
		else if (kind < 15)
			*word = 4711;
		else if (kind < 17)
			*word = bp_rules[random_below(&random, 2)]->pc;
		else if (kind < 18)
			*word = (uintptr_t)(word + 2 * random_below(&random, 20));
		at(sp)[-2] = (uintptr_t)(base + 100 + 2 * random_below(&random, 2));
		at(sp)[-1] = same[random_below(&random, 2)]->pc;
		f = frame_of(sp);
		resumed = *stack_unwind(thread.shard, &f, false);
		anew = *stack_unwind(thread.shard, &f, true);
		wrong += resumed.n_frames != anew.n_frames || resumed.flags != anew.flags ||
			 resumed.hash != anew.hash || resumed.cacheable != anew.cacheable ||
			 memcmp(resumed.frames, anew.frames, anew.n_frames * 8) || !same_words(sp, &resumed, &anew);
		cut += anew.flags == STACK_CUT;
		whole += anew.flags == 0;
	}
	CHECK_EQ(wrong, 0);
	CHECK(cut > 1000 && whole > 1000);
	CHECK(words_compared > 10000);
}

static void test_resume_shallow(void)
{
	resume(8);
}

static void test_resume_deep(void)
{
	resume(40);
}

static unsigned real_hits, real_calls;

/* As the slow way of a hook, and then as the fast one. */
static __attribute__((noinline)) void look_here(void *unused)
{
	struct frame frame = CALLER_FRAME;
	const struct stack_entry *e;
	struct backtrace b;
	uint32_t was, id;

	(void)unused;
	if (!thread_enter(&frame, &was)) {
		CHECK(!"thread_enter");
		return;
	}
	e = look(frame.sp);
	b = step(frame.sp);
	id = callsite_intern(b.frames, b.n_frames, b.flags, b.hash);
	CHECK(!e || e->word == id);
	real_calls++;
	real_hits += e != NULL;
	if (!e)
		stack_remember(thread.shard, frame.sp, &b, id, &cell);
	CHECK((e = look(frame.sp)) == NULL || e->word == id);
	thread_leave(was);
}

/* Frames of changing size: words of calls before lie about where nobody looks now. */
static void real_frames(const struct frames *shapes)
{
	real_calls = real_hits = 0;
	for (unsigned round = 0; round < 6; round++)
		for (unsigned n = 0; n < 100; n++) {
			shapes->allocating(look_here, NULL, n * 37 % 512);
			shapes->variable(look_here, NULL, n * 7 % 64);
			shapes->branching(look_here, NULL, n);
			shapes->recursive(look_here, NULL, 1 + n * 2);
			shapes->through_libc(look_here, NULL);
		}
	CHECK_EQ(real_calls, 3000);
	CHECK(real_hits > 1200); /* the table grows meanwhile, and forgets then */
}

static void begin_really(void)
{
	agent_begin(64 * MEGABYTE);
	CHECK(unwind_init());
}

static void test_real_with_frame_pointers(void)
{
	begin_really();
	real_frames(&frames_keep);
}

static void test_real_without(void)
{
	begin_really();
	real_frames(&frames_omit);
}

int main(void)
{
	CASE(test_proof);
	CASE(test_resume_shallow);
	CASE(test_resume_deep);
	CASE(test_real_with_frame_pointers);
	CASE(test_real_without);
	return check_result();
}
