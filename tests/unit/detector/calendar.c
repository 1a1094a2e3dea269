/*
 * Tests of detector/calendar: epochs that merge, and birth numbers over simulated years.
 */
#include "detector/calendar.h"
#include "tests/unit/check.h"

#define S UINT64_C(1000000000)
#define YEAR (UINT64_C(365) * 86400 * S)

static struct calendar calendar;
static struct options options;

static void begin(uint64_t interval, unsigned taken)
{
	options_default(&options);
	options.interval = interval;
	calendar_begin(&calendar, &options, taken);
}

/* A whole walk that meets blocks of these birth numbers. */
static void walk(const uint8_t *births, unsigned n)
{
	calendar_walk_begin(&calendar, calendar.now_ns);
	for (unsigned i = 0; i < n; i++)
		calendar_meet(&calendar, births[i]);
	calendar_walk_end(&calendar);
}

static void first_epochs(void)
{
	unsigned n_epochs = 0;
	uint64_t reading = 0;

	begin(30 * S, 0);
	CHECK_EQ(calendar.base_ns, S);
	CHECK_EQ(calendar.birth, 0);
	for (unsigned i = 1; i <= 8 * 31; i++) {
		CHECK_EQ(calendar.due_ns, reading + S / 8);
		reading = calendar.due_ns;
		n_epochs += (calendar_tick(&calendar, reading) & CALENDAR_EPOCH) != 0;
	}
	CHECK_EQ(n_epochs, 31);
	CHECK_EQ(calendar.epoch, 31);
	CHECK_EQ(calendar.level, 0);
	for (; reading < 32 * S; reading = calendar.due_ns)
		CHECK(!(calendar_tick(&calendar, reading) & CALENDAR_EPOCH));
	CHECK_EQ(calendar_tick(&calendar, 32 * S) & CALENDAR_EPOCH, CALENDAR_EPOCH);
	CHECK_EQ(calendar.epoch, 16);
	CHECK_EQ(calendar.level, 1);
	CHECK_EQ(calendar.due_ns, 32 * S + S / 4);
}

/* The base follows the interval; readings are never rarer than it. */
static void intervals(void)
{
	begin(S / 10, 0);
	CHECK_EQ(calendar.base_ns, 4 * S / 10);
	begin(S / 100, 0);
	CHECK_EQ(calendar.base_ns, S / 10);
	begin(S / 10, 0);
	while (calendar.now_ns < 1000 * S) {
		uint64_t due = calendar.due_ns;

		CHECK(due > calendar.now_ns && due <= calendar.now_ns + S / 10);
		calendar_tick(&calendar, due);
	}
}

/* What must hold at any time: cohorts follow one another, reach back far enough, and are narrow. */
static void check_cohorts(void)
{
	uint32_t oldest = calendar_oldest(&calendar);
	uint64_t now = calendar.now_ns;

	CHECK(calendar.cohort - oldest < CALENDAR_COHORTS);
	CHECK_EQ(calendar.cohort_of[calendar.birth], calendar.cohort % CALENDAR_COHORTS);
	CHECK(calendar_cohort_begin(&calendar, oldest) <= now / 12);
	for (uint32_t i = oldest; i != calendar.cohort + 1; i++) {
		uint64_t from = calendar_cohort_begin(&calendar, i), to = calendar_cohort_end(&calendar, i);

		CHECK(from <= to);
		if (from > 64 * S)
			CHECK(to - from <= from / 12 + from / 100);
		CHECK_EQ(calendar.cohort_of[calendar.cohort_birth[i % CALENDAR_COHORTS]], i % CALENDAR_COHORTS);
	}
}

/* Fifty years of ticks: no number is given twice, and a number keeps its cohort for ever. */
static void years(void)
{
	uint64_t born_ns[256] = {0}, ticks = 0;
	uint8_t all[256];
	unsigned last = 0;

	begin(30 * S, 0);
	for (unsigned i = 0; i < 256; i++)
		all[i] = (uint8_t)i;
	while (calendar.now_ns < 50 * YEAR) {
		/* Every few readings will do: the interval would make fifty million of them. */
		uint64_t step = calendar.now_ns / 500, due = calendar.due_ns;
		unsigned what = calendar_tick(&calendar, due > calendar.now_ns + step ? due : calendar.now_ns + step);

		ticks++;
		if (what & CALENDAR_BIRTH) {
			CHECK_EQ(calendar.birth, last + 1);
			last = calendar.birth;
			born_ns[last] = calendar.now_ns;
		}
		if (what & CALENDAR_WALK)
			walk(all, last + 1);
		if (what & CALENDAR_EPOCH)
			check_cohorts();
		CHECK(calendar.epoch < CALENDAR_EPOCHS && (calendar.epoch >= 16 || calendar.level == 0));
	}
	for (unsigned b = 0; b <= last; b++) {
		uint8_t cohort = calendar.cohort_of[b];

		if (b + CALENDAR_COHORTS <= last)
			CHECK_EQ(cohort, CALENDAR_ELDERS);
		else if (cohort < CALENDAR_COHORTS)
			CHECK_EQ(calendar.cohort_begin_ns[cohort], born_ns[b]);
	}
	CHECK_RANGE(last, 200, 254);
	printf("%u birth numbers in 50 years, %llu ticks\n", last + 1, (unsigned long long)ticks);
}

/* The child of an old process begins with nearly all numbers taken, and gets those that no block bears. */
static void old_parents_child(void)
{
	uint8_t inherited[] = {0, 1, 2, 7, 100, 253};
	bool given[256] = {false};
	uint32_t cohort;

	begin(30 * S, 253);
	CHECK_EQ(calendar.birth, 253);
	while (calendar.now_ns < YEAR) {
		uint64_t step = calendar.now_ns / 500, due = calendar.due_ns;
		unsigned what = calendar_tick(&calendar, due > calendar.now_ns + step ? due : calendar.now_ns + step);

		if (what & CALENDAR_BIRTH) {
			for (unsigned i = 0; i < 5; i++)
				CHECK(calendar.birth != inherited[i]);
			given[calendar.birth] = true;
		}
		if (what & CALENDAR_WALK)
			walk(inherited, sizeof(inherited));
		if (what & CALENDAR_EPOCH && calendar.now_ns > 100 * S)
			check_cohorts();
	}
	CHECK(given[254] && given[3] && !given[7] && !given[100]);
	/* When blocks bear all of them, the present cohort goes on, and the calendar still turns. */
	for (unsigned i = 0; i < 256; i++)
		calendar.met[i] = 1;
	cohort = calendar.cohort;
	for (unsigned i = 0; i < 1000; i++)
		CHECK(!(calendar_tick(&calendar, calendar.now_ns + calendar.now_ns / 500) & CALENDAR_BIRTH));
	CHECK_EQ(calendar.cohort, cohort);
	CHECK(calendar_cohort_end(&calendar, cohort) == calendar.now_ns);
}

/* All numbers taken from the beginning: blocks are elders until a walk has found a free one. */
static void nothing_free_at_first(void)
{
	uint8_t one = 9;

	begin(S, CALENDAR_BIRTHS);
	CHECK_EQ(calendar.cohort_of[calendar.birth], CALENDAR_ELDERS);
	CHECK(!(calendar_tick(&calendar, 2 * S) & CALENDAR_BIRTH));
	walk(&one, 1);
	CHECK(calendar_tick(&calendar, 3 * S) & CALENDAR_BIRTH);
	CHECK_EQ(calendar.birth, 0);
	CHECK_EQ(calendar.cohort_of[0], calendar.cohort % CALENDAR_COHORTS);
}

/* A number that was given after the walk began is not free, whatever the walk has met. */
static void given_meanwhile(void)
{
	begin(S, CALENDAR_BIRTHS);
	calendar_tick(&calendar, 2 * S);
	walk(NULL, 0);
	calendar_tick(&calendar, 3 * S);
	CHECK_EQ(calendar.birth, 0);
	CHECK(calendar_tick(&calendar, 4 * S) & CALENDAR_BIRTH);
	CHECK_EQ(calendar.birth, 1);
}

/* Nobody looked for a long time: the epochs in between stay unread, and nothing breaks. */
static void gap(void)
{
	unsigned what;

	begin(30 * S, 0);
	for (unsigned i = 0; i < 20; i++)
		calendar_tick(&calendar, calendar.due_ns);
	what = calendar_tick(&calendar, 5000 * S);
	CHECK_EQ(what, CALENDAR_EPOCH | CALENDAR_WALK | CALENDAR_BIRTH);
	CHECK_EQ(calendar.level, 8);
	CHECK_EQ(calendar.epoch, 5000 / 256);
	CHECK_EQ(calendar_tick(&calendar, 4000 * S), 0);
}

int main(void)
{
	first_epochs();
	intervals();
	years();
	old_parents_child();
	nothing_free_at_first();
	given_meanwhile();
	gap();
	return check_result();
}
