/*
 * Tests of agent/governor: when it steps, and whereto.
 */
#include "agent/governor.h"
#include "tests/unit/agent/agent.h"

/* Looks until it steps; 0: it does not. */
static unsigned looks_until(struct governor_watch *w, double share, double asked, enum governor_step *step)
{
	for (unsigned i = 1; i < 10000; i++)
		if ((*step = governor_decide(w, share, asked, 0.04)))
			return i;
	return 0;
}

static void test_down(void)
{
	struct governor_watch w = {.patience = 16};
	enum governor_step step;

	CHECK_EQ(looks_until(&w, 0.041, -1, &step), 3);
	CHECK_EQ(step, GOVERNOR_DOWN);
	CHECK_EQ(looks_until(&w, 0.9, 0.9, &step), 3);
	CHECK_EQ(looks_until(&w, 0.04, -1, &step), 0);
	for (unsigned i = 0; i < 1000; i++) {
		/* Not three in a row. */
		CHECK_EQ(governor_decide(&w, 0.5, -1, 0.04), GOVERNOR_STAY);
		CHECK_EQ(governor_decide(&w, 0.5, -1, 0.04), GOVERNOR_STAY);
		CHECK_EQ(governor_decide(&w, 0.01, -1, 0.04), GOVERNOR_STAY);
	}
}

static void test_up(void)
{
	struct governor_watch w = {.patience = 16};
	enum governor_step step;

	/* What exact would cost is within the budget, but not by half. */
	CHECK_EQ(looks_until(&w, 0.01, 0.03, &step), 0);
	CHECK_EQ(looks_until(&w, 0.01, 0.01, &step), 16);
	CHECK_EQ(step, GOVERNOR_UP);
	/* A load that comes and goes: ever longer until it tries again. */
	CHECK_EQ(looks_until(&w, 0.5, -1, &step), 3);
	CHECK_EQ(looks_until(&w, 0.01, 0.01, &step), 32);
	CHECK_EQ(looks_until(&w, 0.5, -1, &step), 3);
	CHECK_EQ(looks_until(&w, 0.01, 0.01, &step), 64);
	for (unsigned i = 0; i < 20; i++)
		looks_until(&w, 0.01, 0.01, &step);
	CHECK_EQ(looks_until(&w, 0.01, 0.01, &step), 4096);
	for (unsigned i = 0; i < 4095; i++)
		governor_decide(&w, 0.01, 0.01, 0.04);
	CHECK_EQ(governor_decide(&w, 0.01, 0.03, 0.04), GOVERNOR_STAY); /* begins anew */
	CHECK_EQ(looks_until(&w, 0.01, 0.01, &step), 4096);
}

static void check_mode(uint32_t steps, uint32_t mode, uint64_t sample_bytes)
{
	uint32_t is_mode;
	uint64_t is_bytes;

	CHECK(governor_mode(steps, &is_mode, &is_bytes));
	CHECK_EQ(is_mode, mode);
	CHECK_EQ(is_bytes, sample_bytes);
}

static void test_modes(void)
{
	uint32_t mode;
	uint64_t bytes;

	options_default(&options);
	check_mode(0, MODE_EXACT, 512 << 10);
	check_mode(1, MODE_SAMPLED, 512 << 10);
	check_mode(2, MODE_SAMPLED, 4 << 20);
	check_mode(3, MODE_SAMPLED, 32 << 20);
	check_mode(4, MODE_COUNTS, 512 << 10);
	CHECK(!governor_mode(5, &mode, &bytes));
	options.sample_bytes = 512 << 20;
	check_mode(2, MODE_SAMPLED, 1 << 30);
	options.mode = MODE_SAMPLED;
	options.sample_bytes = 1000;
	check_mode(0, MODE_SAMPLED, 1000);
	check_mode(2, MODE_SAMPLED, 64000);
	check_mode(3, MODE_COUNTS, 1000);
	CHECK(!governor_mode(4, &mode, &bytes));
	options.mode = MODE_COUNTS;
	check_mode(0, MODE_COUNTS, 1000);
	CHECK(!governor_mode(1, &mode, &bytes));
}

int main(void)
{
	test_down();
	test_up();
	CASE(test_modes);
	return check_result();
}
