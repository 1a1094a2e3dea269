/*
 * Tests of detector/finding and detector/evidence: small simulated callsites, one for each answer.
 *
 * A behaviour says at each step of virtual time how many blocks are born, and how long each one lives; the
 * simulation keeps the blocks, reads and walks by the calendar, and judges at the end of the run.
 */
#include "detector/findings.h"
#include "tests/unit/check.h"
#include <stdlib.h>

#define S UINT64_C(1000000000)
#define BLOCKS 400000u
#define FOR_EVER 1e18

struct block {
	double death;
	uint32_t size;
	uint8_t birth;
};

static struct options options;
static struct calendar calendar;
static struct evidence_row row;
static struct findings findings;
static struct region_cell sums;
static struct block blocks[BLOCKS];
static unsigned n_blocks, n_evaluations, first_bad;
static bool entered;
static uint64_t seed;

static double chance(void)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (double)(seed >> 11) / 9007199254740992.0;
}

/* Mean `mean`; the tests' only use of libm. */
static double lifetime(double mean)
{
	return -mean * log(1 - chance());
}

static void born(double death, uint32_t size)
{
	assert(n_blocks < BLOCKS);
	blocks[n_blocks++] = (struct block){.death = death, .size = size, .birth = calendar.birth};
	sums.allocated_blocks++;
	sums.allocated_bytes += size;
}

static void bury(double now)
{
	for (unsigned i = 0; i < n_blocks;) {
		if (blocks[i].death > now) {
			i++;
			continue;
		}
		sums.freed_blocks++;
		sums.freed_bytes += blocks[i].size;
		blocks[i] = blocks[--n_blocks];
	}
}

static void judge(bool at_end)
{
	calendar_walk_begin(&calendar, calendar.now_ns);
	if (entered)
		evidence_count_begin(&row, &calendar);
	for (unsigned i = 0; i < n_blocks; i++)
		evidence_count(&calendar, entered ? &row : NULL, blocks[i].birth, blocks[i].size);
	calendar_walk_end(&calendar);
	if (!entered)
		return;
	evidence_count_end(&row, &calendar);
	findings_begin(&findings, &options, calendar.now_ns, at_end);
	finding_judge(&row, &calendar);
	findings_add(&findings, &row.found);
	findings_sift(&findings);
	findings_settle(&findings, &row.found, row.live_bytes);
	n_evaluations++;
	if (!first_bad && (row.found.state == VERDICT_LEAK || row.found.state == VERDICT_GROWTH))
		first_bad = n_evaluations;
}

static void look(uint64_t now)
{
	unsigned what;

	if (entered)
		evidence_read(&row, &calendar, &sums);
	what = calendar_tick(&calendar, now);
	if (what & CALENDAR_EPOCH && !entered && evidence_is_candidate(&sums)) {
		evidence_begin(&row, &calendar, 1, &sums);
		entered = true;
	}
	if (what & CALENDAR_WALK)
		judge(false);
}

/* What is born in a step of length dt at time t of a run of T. */
typedef void behaviour(double t, double dt, double T);

static enum finding_kind run(behaviour *behave, double T, uint64_t with_seed)
{
	double dt = T / 20000;

	memset(&row, 0, sizeof(row));
	memset(&sums, 0, sizeof(sums));
	n_blocks = n_evaluations = first_bad = 0;
	entered = false;
	seed = with_seed;
	options_default(&options);
	options.interval = S;
	calendar_begin(&calendar, &options, 0);
	for (double t = 0; t < T; t += dt) {
		uint64_t now = (uint64_t)((t + dt) * 1e9);

		bury(t);
		behave(t, dt, T);
		if (now >= calendar.due_ns)
			look(now);
	}
	if (entered)
		evidence_read(&row, &calendar, &sums);
	calendar_tick(&calendar, (uint64_t)(T * 1e9));
	judge(true);
	return entered ? (enum finding_kind)row.found.finding : FINDING_FLAT;
}

static enum verdict_state state_of(behaviour *behave, double T, uint64_t with_seed)
{
	run(behave, T, with_seed);
	return finding_state(&row.found);
}

/* So many events a second, by chance. */
static unsigned arrivals(double rate, double dt)
{
	double n = rate * dt;
	unsigned whole = (unsigned)n;

	return whole + (chance() < n - whole);
}

static void constant(double t, double dt, double T)
{
	(void)t, (void)T;
	for (unsigned n = arrivals(1, dt); n-- > 0;)
		born(FOR_EVER, 4096);
}

static void lost_requests(double t, double dt, double T)
{
	(void)T;
	for (unsigned n = arrivals(50, dt); n-- > 0;)
		born(chance() < 0.01 ? FOR_EVER : t + lifetime(1.5), 1024);
}

static void late_start(double t, double dt, double T)
{
	for (unsigned n = arrivals(20, dt); n-- > 0;)
		born(t > T / 2 && chance() < 0.05 ? FOR_EVER : t + lifetime(2), 256);
}

static void reloads(double t, double dt, double T)
{
	if ((int)(t / (T / 16)) != (int)((t + dt) / (T / 16)))
		for (unsigned i = 0; i < 50; i++)
			born(FOR_EVER, 100);
}

static void churn(double t, double dt, double T)
{
	(void)T;
	for (unsigned n = arrivals(50, dt); n-- > 0;)
		born(t + lifetime(5), 300);
}

static void begin_only(double t, double dt, double T)
{
	if (t < T / 20)
		for (unsigned n = arrivals(5000 / (T / 20), dt); n-- > 0;)
			born(FOR_EVER, 300);
}

static void warming(double t, double dt, double T)
{
	for (unsigned n = arrivals(4000 / (T / 8) * exp(-t / (T / 8)), dt); n-- > 0;)
		born(FOR_EVER, 300);
}

static void logarithm(double t, double dt, double T)
{
	(void)T;
	for (unsigned n = arrivals(400 / (t + 1), dt); n-- > 0;)
		born(FOR_EVER, 300);
}

static void fifo(double t, double dt, double T)
{
	for (unsigned n = arrivals(10, dt); n-- > 0;)
		born(t + T / 2, 500);
}

static void fills(double t, double dt, double T)
{
	if (t < 0.6 * T)
		for (unsigned n = arrivals(10, dt); n-- > 0;)
			born(FOR_EVER, 500);
}

static void one_step(double t, double dt, double T)
{
	if (t <= 0.6 * T && t + dt > 0.6 * T)
		for (unsigned i = 0; i < 1000; i++)
			born(FOR_EVER, 60000);
}

static void ramp(double t, double dt, double T)
{
	for (unsigned n = arrivals(10 + 90 * t / T, dt); n-- > 0;)
		born(t + lifetime(T / 48), 400);
}

static void sessions(double t, double dt, double T)
{
	for (unsigned n = arrivals(8, dt); n-- > 0;)
		born(t + lifetime(T / 4), 400);
}

static void sawtooth(double t, double dt, double T)
{
	double period = T / 24;

	for (unsigned n = arrivals(30, dt); n-- > 0;)
		born(((int)(t / period) + 1) * period, 400);
}

static void sawtooth_leak(double t, double dt, double T)
{
	double period = T / 24;

	for (unsigned n = arrivals(30, dt); n-- > 0;)
		born(chance() < 0.01 ? FOR_EVER : ((int)(t / period) + 1) * period, 400);
}

/* Freed all at once, once: what came since may be freed at once too. */
static void one_tooth(double t, double dt, double T)
{
	for (unsigned n = arrivals(30, dt); n-- > 0;)
		born(t < 0.4 * T ? 0.4 * T : FOR_EVER, 400);
}

/* 56 names, each met sooner or later; 12 after the first quarter. */
static void interned(double t, double dt, double T)
{
	for (int n = (int)(56 * exp(-6 * t / T)) - (int)(56 * exp(-6 * (t + dt) / T)); n-- > 0;)
		born(FOR_EVER, 60);
}

static void root(double t, double dt, double T)
{
	for (unsigned n = arrivals(2000 / sqrt(t * T + dt * T), dt); n-- > 0;)
		born(FOR_EVER, 120);
}

/* A full cache that finds out by and by which entries are worth keeping. */
static void learning_cache(double t, double dt, double T)
{
	(void)dt;
	while (n_blocks < 200)
		born(chance() < 0.005 ? FOR_EVER : t + lifetime(T / 200), 300);
}

/* Random replacement: what has survived has been lucky. */
static void lottery(double t, double dt, double T)
{
	for (unsigned n = arrivals(160 / T, dt); n-- > 0;)
		born(t + lifetime(T), 300);
}

/* Lives an eighth of the run; one in 50 stays. At the end 40 % of the last quarter's blocks are alive. */
static void forgetful_cache(double t, double dt, double T)
{
	for (unsigned n = arrivals(20000 / T, dt); n-- > 0;)
		born(chance() < 0.02 ? FOR_EVER : t + T / 8, 350);
}

/* As many as were ever needed at once: more now and then, several at a time. */
static void pool(double t, double dt, double T)
{
	static const struct {
		double at;
		unsigned n;
	} steps[] = {{0.02, 28}, {0.3, 3}, {0.42, 2}, {0.55, 3}, {0.7, 3}, {0.85, 8}};

	for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		for (unsigned n = 0; t <= steps[i].at * T && t + dt > steps[i].at * T && n < steps[i].n; n++)
			born(FOR_EVER, 300);
}

static void few(double t, double dt, double T)
{
	if (t > 0.4 * T && n_blocks < 6)
		for (unsigned n = arrivals(1, dt); n-- > 0;)
			born(FOR_EVER, 700);
}

static bool is_innocent(enum verdict_state state)
{
	return state == VERDICT_STABLE || state == VERDICT_WARM_UP;
}

static void tests(double T)
{
	for (uint64_t s = 1; s <= 2; s++) {
		printf("T %.0f s, seed %d\n", T, (int)s);
		CHECK_EQ(run(constant, T, s), FINDING_GROWTH);
		CHECK_EQ(run(lost_requests, T, s), FINDING_LEAK);
		CHECK_EQ(run(late_start, T, s), FINDING_LEAK);
		CHECK_EQ(run(reloads, T, s), FINDING_GROWTH);
		CHECK_EQ(run(sawtooth_leak, T, s), FINDING_LEAK);
		CHECK_EQ(run(churn, T, s), FINDING_FLAT);
		CHECK_EQ(run(begin_only, T, s), FINDING_FLAT);
		CHECK_EQ(run(warming, T, s), FINDING_DECELERATING);
		CHECK_EQ(state_of(logarithm, T, s), VERDICT_WARM_UP);
		CHECK_EQ(run(fills, T, s), FINDING_DECELERATING);
		CHECK_EQ(run(one_step, T, s), FINDING_STEP);
		CHECK_EQ(state_of(fifo, T, s), VERDICT_STABLE);
		CHECK_EQ(state_of(ramp, T, s), VERDICT_STABLE);
		CHECK_EQ(state_of(sessions, T, s), VERDICT_STABLE);
		CHECK_EQ(run(sawtooth, T, s), FINDING_FLAT);
		CHECK(is_innocent(state_of(one_tooth, T, s)));
		CHECK_EQ(run(interned, T, s), FINDING_DECELERATING);
		CHECK_EQ(run(root, T, s), FINDING_GROWTH);
		CHECK_EQ(state_of(learning_cache, T, s), VERDICT_STABLE);
		CHECK(is_innocent(state_of(lottery, T, s)));
		CHECK_EQ(run(forgetful_cache, T, s), FINDING_LEAK);
		CHECK_NEAR(row.found.bytes_per_hour / (0.02 * 20000 / T * 350 * 3600), 1, 0.15);
		CHECK_EQ(run(pool, T, s), FINDING_STEP);
		run(few, T, s);
		CHECK(!entered || row.found.finding == FINDING_MINOR || row.found.finding == FINDING_FLAT);
	}
}

int main(void)
{
	tests(600);
	tests(2000);
	return check_result();
}
