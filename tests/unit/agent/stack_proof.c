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
		id = callsite_intern(b.frames, b.n_frames, b.flags);
		hits += e != NULL;
		wrong += e && e->word != id;
		if (!e)
			stack_remember(thread.shard, sp, &b, id, &cell);
	}
	CHECK_EQ(wrong, 0);
	CHECK(hits > 5000);
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
	id = callsite_intern(b.frames, b.n_frames, b.flags);
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
	for (unsigned round = 0; round < 6; round++) {
		real_calls = real_hits = 0;
		for (unsigned n = 0; n < 100; n++) {
			shapes->allocating(look_here, NULL, n * 37 % 512);
			shapes->variable(look_here, NULL, n * 7 % 64);
			shapes->branching(look_here, NULL, n);
			shapes->recursive(look_here, NULL, 1 + n * 2);
			shapes->through_libc(look_here, NULL);
		}
	}
	CHECK_EQ(real_calls, 500);
	CHECK(real_hits > 300);
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
	CASE(test_real_with_frame_pointers);
	CASE(test_real_without);
	return check_result();
}
