/*
 * Tests of detector/footprint: each way in which RSS grows, with its amount.
 */
#include "detector/footprint.h"
#include "tests/unit/check.h"

#define S UINT64_C(1000000000)
#define MB (UINT64_C(1) << 20)

static struct footprint_finding finding;

/* The sample at a share of the run. */
typedef void story(double x, struct wire_sample *sample);

static enum verdict_state run(story *tell)
{
	struct footprint footprint;
	struct calendar calendar;
	struct options options;
	uint64_t end = 2000 * S;

	options_default(&options);
	calendar_begin(&calendar, &options, 0);
	footprint_begin(&footprint);
	footprint_judge(&footprint, &calendar, &finding);
	CHECK_EQ(finding.state, VERDICT_INCONCLUSIVE);
	while (calendar.due_ns < end) {
		struct wire_sample sample = {.rss_anon = 20 * MB,
					     .rss_file = 10 * MB,
					     .heap_mapped = 12 * MB,
					     .live_bytes = 8 * MB,
					     .agent_bytes = 2 * MB};

		tell((double)calendar.due_ns / (double)end, &sample);
		sample.rss = sample.rss_anon + sample.rss_file + sample.rss_shmem;
		footprint_sample(&footprint, &calendar, &sample);
		calendar_tick(&calendar, calendar.due_ns);
	}
	footprint_judge(&footprint, &calendar, &finding);
	return finding.state;
}

static void nothing(double x, struct wire_sample *s)
{
	(void)x, (void)s;
}

static void live(double x, struct wire_sample *s)
{
	s->live_bytes += (uint64_t)(200 * x) * MB;
	s->heap_mapped += (uint64_t)(200 * x) * MB;
	s->rss_anon += (uint64_t)(200 * x) * MB;
}

/* All but one block in 64 is freed; the pages stay. */
static void peak(double x, struct wire_sample *s)
{
	uint64_t peak = x < 0.05 ? (uint64_t)(x / 0.05 * 200) * MB : 200 * MB;

	s->rss_anon += peak;
	s->heap_mapped += peak;
	s->live_bytes += x < 0.05 ? peak : peak / 64;
}

static void maps(double x, struct wire_sample *s)
{
	s->rss_anon += (uint64_t)(100 * x) * MB;
}

static void files(double x, struct wire_sample *s)
{
	s->rss_file += (uint64_t)(60 * x) * MB;
	s->rss_shmem += (uint64_t)(40 * x) * MB;
}

/* Freed again and again, and needed again: nothing is kept idle. */
static void sawtooth(double x, struct wire_sample *s)
{
	double phase = x * 20 - (double)(int)(x * 20);

	s->rss_anon += x < 0.05 ? (uint64_t)(phase * 100) * MB : 100 * MB;
	s->heap_mapped += 100 * MB;
	s->live_bytes += (uint64_t)(phase * 100) * MB;
}

static void ratchet(double x, struct wire_sample *s)
{
	sawtooth(x, s);
	s->rss_anon += (uint64_t)(50 * x) * MB;
	s->heap_mapped += (uint64_t)(50 * x) * MB;
}

/* Mapped at the start and never more. */
static void maps_once(double x, struct wire_sample *s)
{
	s->rss_anon += x < 0.01 ? 0 : 100 * MB;
}

/* The peak, and on its way out the process gives all of it back. */
static void peak_then_exit(double x, struct wire_sample *s)
{
	if (x < 0.995)
		peak(x, s);
}

int main(void)
{
	CHECK_EQ(run(nothing), VERDICT_STABLE);
	CHECK_NEAR(finding.grown, 0, 0);
	CHECK_EQ(run(live), VERDICT_STABLE);
	CHECK_NEAR(finding.retained, 0, 4.0 * MB);
	CHECK_EQ(run(peak), VERDICT_RETENTION);
	CHECK_NEAR(finding.retained, (200 - 200 / 64.0) * MB, 4.0 * MB);
	CHECK_EQ(run(peak_then_exit), VERDICT_RETENTION);
	CHECK_EQ(run(maps), VERDICT_EXTERNAL);
	CHECK_NEAR(finding.outside, 85.0 * MB,
		   12.0 * MB); /* the last eighth's least; what malloc had free at first hides some */
	CHECK_NEAR(finding.retained, 4.0 * MB, 8.0 * MB);
	CHECK_EQ(run(files), VERDICT_EXTERNAL);
	CHECK_NEAR(finding.file, 53.0 * MB, 4.0 * MB);
	CHECK_NEAR(finding.shared, 36.0 * MB, 4.0 * MB);
	CHECK_EQ(run(sawtooth), VERDICT_STABLE);
	CHECK_EQ(run(ratchet), VERDICT_RETENTION);
	CHECK_EQ(run(maps_once), VERDICT_STABLE);
	return check_result();
}
