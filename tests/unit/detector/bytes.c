/*
 * Tests of detector/bytes: twelve shapes of one buffer that is reallocated, each over some lengths of run.
 */
#include "detector/bytes.h"
#include "detector/finding.h"
#include "tests/unit/check.h"

#define S UINT64_C(1000000000)
#define MB 1048576.0

typedef double shape(double x); /* live bytes at a share of the run */

static double line(double x)
{
	return 4 * MB * x + 100;
}

static double root(double x)
{
	return 4 * MB * sqrt(x) + 100;
}

static double doubles(double x)
{
	return exp2(ceil(log2(8 * MB * x + 4096)));
}

static double by_half(double x)
{
	return pow(1.5, ceil(log(8 * MB * x + 4096) / log(1.5)));
}

static double one_step(double x)
{
	return x < 0.6 ? MB : 9 * MB;
}

static double two_steps(double x)
{
	return x < 0.4 ? MB : x < 0.7 ? 4 * MB : 7 * MB;
}

static double logarithm(double x)
{
	return MB * log(1 + 1000 * x);
}

static double saturates(double x)
{
	return 8 * MB * (1 - exp(-8 * x));
}

static double plateau(double x)
{
	return 8 * MB * (x < 0.5 ? x / 0.5 : 1);
}

static double sawtooth(double x)
{
	return 8 * MB * (x * 24 - floor(x * 24)) + 4096;
}

static double doubles_to_a_bound(double x)
{
	return x < 0.2 ? doubles(x) : doubles(0.2);
}

static double constant(double x)
{
	(void)x;
	return 3 * MB;
}

static struct evidence_row row;

/* What is found at the end of a run of T seconds. */
static enum finding_kind run(shape *f, double T)
{
	struct region_cell sums = {.allocated_blocks = 1, .allocated_bytes = 100};
	struct calendar calendar;
	struct options options;
	bool entered = false;
	unsigned what;

	options_default(&options);
	calendar_begin(&calendar, &options, 0);
	while ((double)calendar.due_ns < T * 1e9) {
		uint64_t bytes = (uint64_t)f((double)calendar.due_ns / 1e9 / T);
		uint64_t live = sums.allocated_bytes - sums.freed_bytes;

		if (bytes != live) {
			sums.allocated_blocks++;
			sums.allocated_bytes += bytes;
			sums.freed_blocks++;
			sums.freed_bytes += live;
		}
		if (entered)
			evidence_read(&row, &calendar, &sums);
		what = calendar_tick(&calendar, calendar.due_ns);
		if (what & CALENDAR_EPOCH && !entered && (entered = evidence_is_candidate(&sums)))
			evidence_begin(&row, &calendar, 1, &sums);
		if (!(what & CALENDAR_WALK) || !entered)
			continue;
		calendar_walk_begin(&calendar, calendar.now_ns);
		evidence_count_begin(&row, &calendar);
		evidence_count(&calendar, &row, 0, bytes); /* realloc keeps the birth */
		calendar_walk_end(&calendar);
		evidence_count_end(&row, &calendar);
		finding_judge(&row, &calendar);
	}
	return (enum finding_kind)row.found.finding;
}

int main(void)
{
	static const struct {
		const char *name;
		shape *f;
		bool grows;
	} shapes[] = {
		{"line", line, true},
		{"root", root, true},
		{"doubles", doubles, true},
		{"by half", by_half, true},
		{"one step", one_step, false},
		{"two steps", two_steps, false},
		{"logarithm", logarithm, false},
		{"saturates", saturates, false},
		{"plateau", plateau, false},
		{"sawtooth", sawtooth, false},
		{"doubles to a bound", doubles_to_a_bound, false},
		{"constant", constant, false},
	};
	static const double lengths[] = {60, 100, 1000, 5000, 20000};

	for (unsigned i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		for (unsigned k = 0; k < sizeof(lengths) / sizeof(lengths[0]); k++) {
			bool grows = run(shapes[i].f, lengths[k]) == FINDING_BYTES;

			if (grows != shapes[i].grows)
				printf("%s, %g s: finding %u\n", shapes[i].name, lengths[k], row.found.finding);
			CHECK_EQ(grows, shapes[i].grows);
		}
	CHECK_EQ(run(line, 5000), FINDING_BYTES);
	CHECK_NEAR(row.found.bytes_per_hour, 4 * MB * 3600 / 5000, 4 * MB * 0.02);
	CHECK_RANGE(row.found.bytes_per_hour_low, 0, row.found.bytes_per_hour);
	CHECK_RANGE(row.found.bytes_per_hour_high, row.found.bytes_per_hour, 4 * MB);
	return check_result();
}
