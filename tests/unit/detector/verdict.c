/*
 * Tests of detector/verdict: each state and severity from the samples that make it, and the
 * reasons given for it.
 */
#include "detector/verdict.h"
#include "detector/reason.h"
#include "tests/unit/check.h"
#include <stdlib.h>

#define S UINT64_C(1000000000)
#define MB (UINT64_C(1) << 20)

static struct options options;
static struct detector detector;
static struct wire_verdict verdict;
static struct wire_sample sample;
static void *storage;

static void begin(void)
{
	free(storage);
	storage = malloc(detector_storage_size(&options));
	detector_init(&detector, &options, storage);
	sample = (struct wire_sample){
		.rss = 300 * MB, .live_bytes = 100 * MB, .heap_mapped = 150 * MB, .rss_file = 50 * MB};
}

/* What grows by how many MB an hour. */
struct growth {
	double rss, live, heap, shared;
};

/* `seconds` of samples, options.interval apart, each figure growing; then the verdict. */
static void go(struct growth g, uint64_t seconds, bool at_end)
{
	struct wire_sample first = sample;
	uint64_t t;

	for (t = options.interval; t <= seconds * S; t += options.interval) {
		double hours = (double)t / 3600e9;

		sample.time_ns = first.time_ns + t;
		sample.rss = first.rss + (uint64_t)(int64_t)(g.rss * hours * (double)MB);
		sample.live_bytes = first.live_bytes + (uint64_t)(int64_t)(g.live * hours * (double)MB);
		sample.heap_mapped = first.heap_mapped + (uint64_t)(int64_t)(g.heap * hours * (double)MB);
		sample.rss_file = first.rss_file + (uint64_t)(int64_t)(g.shared * hours * (double)MB);
		CHECK(detector_sample(&detector, &sample));
	}
	detector_verdict(&detector, at_end, &verdict);
	CHECK(isfinite(verdict.score) && isfinite(verdict.time_to_limit_s) && verdict.reasons[0].code);
}

static const struct wire_reason *reason(enum reason_code code)
{
	unsigned i;

	for (i = 0; i < WIRE_REASONS; i++)
		if (verdict.reasons[i].code == code)
			return &verdict.reasons[i];
	return NULL;
}

static void test_states(void)
{
	static const struct {
		struct growth growth;
		enum verdict_state state;
		enum reason_code because;
	} cases[] = {
		{{0, 0, 0, 0}, VERDICT_STABLE, REASON_STEADY},
		{{20, 20, 20, 0}, VERDICT_STABLE, REASON_STEADY},
		{{-60, -60, -60, 0}, VERDICT_STABLE, REASON_STEADY},
		{{60, 60, 60, 0}, VERDICT_LEAK, REASON_LIVE_GROWS},
		{{0, 60, 0, 0}, VERDICT_LEAK, REASON_LIVE_GROWS}, /* it has not touched what it leaks */
		{{60, 30, 60, 0}, VERDICT_LEAK, REASON_RSS_GROWS},
		{{60, 0, 60, 0}, VERDICT_RETENTION, REASON_RETAINED},
		{{60, -5, 60, 0}, VERDICT_RETENTION, REASON_RETAINED},
		{{60, 17, 60, 0}, VERDICT_RETENTION, REASON_RETAINED},
		{{60, 0, 0, 0}, VERDICT_EXTERNAL, REASON_OUTSIDE_HEAP},
		{{60, 0, 60, 55}, VERDICT_EXTERNAL, REASON_FILE_OR_SHARED},
	};
	unsigned i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin();
		go(cases[i].growth, 4000, false);
		CHECK_EQ(verdict.state, cases[i].state);
		CHECK(reason(cases[i].because) != NULL);
		CHECK(reason(REASON_SUSPECT) == NULL);
		CHECK_EQ(verdict.severity, cases[i].state == VERDICT_STABLE ? SEVERITY_NORMAL : SEVERITY_WARNING);
		CHECK_NEAR(verdict.growth_bytes_per_hour, cases[i].growth.rss * (double)MB, 100);
		CHECK_NEAR(verdict.live_growth_bytes_per_hour, cases[i].growth.live * (double)MB, 100);
		CHECK_EQ(verdict.n_samples, 120);
		CHECK_NEAR(verdict.time_to_limit_s, -1, 0);
	}
}

static void test_heap_unknown(void)
{
	begin();
	sample.heap_mapped = 0; /* another allocator: nothing says that it is outside */
	go((struct growth){60, 0, 0, 0}, 4000, false);
	CHECK_EQ(verdict.state, VERDICT_RETENTION);
}

static void test_too_few(void)
{
	begin();
	detector_verdict(&detector, true, &verdict);
	CHECK_EQ(verdict.state, VERDICT_INCONCLUSIVE);
	CHECK(reason(REASON_TOO_FEW) != NULL);
	go((struct growth){600, 600, 600, 0}, 9 * 30, true);
	CHECK_EQ(verdict.state, VERDICT_INCONCLUSIVE);
	CHECK_EQ(verdict.n_samples, 9);
	CHECK_NEAR(verdict.score, 0, 0);
	CHECK_NEAR(reason(REASON_TOO_FEW)->value[0], 9, 0);
	go((struct growth){600, 600, 600, 0}, 30, true);
	CHECK_EQ(verdict.state, VERDICT_LEAK);
}

static void test_hold(void)
{
	begin();
	go((struct growth){60, 60, 60, 0}, 1800, false);
	CHECK_EQ(verdict.state, VERDICT_INCONCLUSIVE);
	CHECK_NEAR(reason(REASON_SUSPECT)->value[0], 1800, 1e-6);
	CHECK_NEAR(reason(REASON_SUSPECT)->value[1], 3600, 1e-6);
	CHECK_EQ(verdict.severity, SEVERITY_WARNING);
	detector_verdict(&detector, true, &verdict);
	CHECK_EQ(verdict.state, VERDICT_LEAK);
	CHECK(reason(REASON_SUSPECT) == NULL);
	go((struct growth){60, 60, 60, 0}, 1770, false);
	CHECK_EQ(verdict.state, VERDICT_INCONCLUSIVE);
	go((struct growth){60, 60, 60, 0}, 30, false);
	CHECK_EQ(verdict.state, VERDICT_LEAK);
	CHECK_NEAR(reason(REASON_SCORE_ABOVE)->value[2], 3600 - 300, 1e-6);
	go((struct growth){0, 0, 0, 0}, 7200, false);
	CHECK_EQ(verdict.state, VERDICT_STABLE);
	go((struct growth){60, 60, 60, 0}, 3600, false);
	CHECK_RANGE(reason(REASON_SCORE_ABOVE)->value[2], 0, 1800);
}

static void test_rule_a(void)
{
	options.growth_limit = 50 * MB;
	begin();
	go((struct growth){0, 0, 0, 0}, 600, false);
	CHECK_EQ(verdict.baseline_rss, 300 * MB);
	CHECK_EQ(verdict.baseline_live, 100 * MB);
	sample.rss += 40 * MB; /* +40 passes +50 */
	go((struct growth){0, 0, 0, 0}, 30, false);
	CHECK(reason(REASON_GROWTH_LIMIT) == NULL);
	CHECK_EQ(verdict.severity, SEVERITY_NORMAL);
	sample.rss += 10 * MB;
	go((struct growth){0, 0, 0, 0}, 30, false);
	CHECK(reason(REASON_GROWTH_LIMIT) == NULL);
	sample.rss += 1;
	go((struct growth){0, 0, 0, 0}, 30, false);
	CHECK_NEAR(reason(REASON_GROWTH_LIMIT)->value[0], 50 * (double)MB + 1, 0);
	CHECK_RANGE(verdict.severity, SEVERITY_WARNING, SEVERITY_CRITICAL);
	sample.rss = 200 * MB; /* below the baseline is no growth */
	go((struct growth){0, 0, 0, 0}, 30, false);
	CHECK(reason(REASON_GROWTH_LIMIT) == NULL);
	options.growth_limit = 0;

	begin(); /* 5 MB/min: just more is critical once 10 minutes are covered, just less never */
	go((struct growth){301, 0, 301, 0}, 300 + 600, false);
	CHECK(reason(REASON_RATE) == NULL);
	go((struct growth){301, 0, 301, 0}, 30, false);
	CHECK_NEAR(reason(REASON_RATE)->value[0], 301 * (double)MB, 10);
	CHECK_EQ(verdict.severity, SEVERITY_CRITICAL);
	begin();
	go((struct growth){299, 0, 299, 0}, 4000, false);
	CHECK(reason(REASON_RATE) == NULL);
	CHECK_EQ(verdict.severity, SEVERITY_WARNING);
}

static void test_limits(void)
{
	options.rss_limit = 700 * MB;
	begin();
	go((struct growth){0, 0, 0, 0}, 600, false);
	CHECK_NEAR(verdict.time_to_limit_s, -1, 0);
	go((struct growth){120, 0, 120, 0}, 3600, false); /* at 420 MB, 2 MB/min: 140 min left */
	CHECK_NEAR(verdict.time_to_limit_s, 140 * 60, 1);
	CHECK_EQ(verdict.severity, SEVERITY_WARNING);
	sample.rss = 691 * MB;
	go((struct growth){120, 0, 120, 0}, 900, false); /* in 10 minutes from the step: 1 MB a 30 s */
	CHECK_EQ(verdict.severity, SEVERITY_CRITICAL);
	CHECK(reason(REASON_LIMIT_REACHED) != NULL);
	CHECK_NEAR(verdict.time_to_limit_s, 0, 0);
	sample.rss = 600 * MB;
	go((struct growth){120, 0, 120, 0}, 2760, false); /* 692 MB, 4 min left */
	CHECK_NEAR(reason(REASON_LIMIT_NEAR)->value[0], 240, 1);
	CHECK_NEAR(reason(REASON_LIMIT_NEAR)->value[2], 0, 0);
	CHECK_EQ(verdict.severity, SEVERITY_CRITICAL);
	options.predict = 200 * S;
	detector_configure(&detector, &options);
	detector_verdict(&detector, false, &verdict);
	CHECK(reason(REASON_LIMIT_NEAR) == NULL);
	sample.cgroup_limit = 600 * MB; /* the smaller one counts */
	go((struct growth){0, 0, 0, 0}, 30, false);
	CHECK_NEAR(reason(REASON_LIMIT_REACHED)->value[1], 600 * (double)MB, 0);
	CHECK_NEAR(reason(REASON_LIMIT_REACHED)->value[2], 1, 0);
	sample.cgroup_limit = 800 * MB;
	go((struct growth){0, 0, 0, 0}, 30, false);
	CHECK(reason(REASON_LIMIT_REACHED) == NULL);
	options_default(&options);

	options.rss_limit = 700 * MB; /* too few samples in 10 minutes: rule B's slope tells the time */
	options.interval = 300 * S;
	begin();
	go((struct growth){120, 0, 120, 0}, 3600, false);
	CHECK_NEAR(verdict.time_to_limit_s, 140 * 60, 1);
	options_default(&options);

	options.rss_limit = 0; /* the cgroup's alone */
	begin();
	sample.cgroup_limit = 200 * MB;
	go((struct growth){0, 0, 0, 0}, 30, false);
	CHECK_EQ(verdict.severity, SEVERITY_CRITICAL);
	CHECK_EQ(verdict.state, VERDICT_INCONCLUSIVE);
}

static void test_looking_often(void)
{
	struct wire_sample extra;
	unsigned i;

	begin();
	go((struct growth){60, 60, 60, 0}, 3600, false);
	extra = sample;
	for (i = 1; i < 1000; i++) {
		extra.time_ns = sample.time_ns + i * S / 100;
		extra.rss = 1;
		CHECK(!detector_sample(&detector, &extra));
	}
	CHECK_EQ(detector.newest_rss, 1);
	detector_verdict(&detector, false, &verdict);
	CHECK_EQ(verdict.state, VERDICT_LEAK);
	CHECK(!detector_sample(&detector, &sample)); /* older than the last */
	CHECK_EQ(detector.newest_rss, 1);
	extra.time_ns = sample.time_ns + 15 * S;
	CHECK(detector_sample(&detector, &extra));
}

static void test_callsites(void)
{
	static uint64_t values[2][120];
	struct wire_callsite_verdict leaky, quiet;
	struct series series[2];
	unsigned i;

	begin();
	series_init(&series[0], values[0]);
	series_init(&series[1], values[1]);
	for (i = 0; i < 150; i++) {
		if (i == 5 || i == 115) {
			detector_callsite(&detector, &series[0], 7, true, &leaky);
			CHECK_EQ(leaky.state, i == 5 ? VERDICT_INCONCLUSIVE : VERDICT_LEAK);
			detector_callsite(&detector, &series[0], 7, false, &leaky);
			CHECK_EQ(leaky.state, VERDICT_INCONCLUSIVE);
		}
		go((struct growth){0, 0, 0, 0}, 30, false);
		series_push(&series[0], &detector.axis, i * MB);
		series_push(&series[1], &detector.axis, 1000 * MB + i % 2 * 100);
	}
	detector_callsite(&detector, &series[0], 7, false, &leaky);
	detector_callsite(&detector, &series[1], 8, false, &quiet);
	CHECK(leaky.callsite == 7 && leaky.state == VERDICT_LEAK);
	CHECK_NEAR(leaky.score, 1, 1e-9);
	CHECK_NEAR(leaky.growth_bytes_per_hour, 120 * (double)MB, 1e-3);
	CHECK(quiet.callsite == 8 && quiet.state == VERDICT_STABLE);
	CHECK_RANGE(quiet.score, 0, 0.01);
}

static void test_reasons_fit(void)
{
	unsigned n = 0;

	options.rss_limit = 310 * MB;
	options.growth_limit = 1;
	begin();
	go((struct growth){600, 0, 0, 0}, 1200, false);
	while (n < WIRE_REASONS && verdict.reasons[n].code)
		n++;
	CHECK_EQ(n, 7); /* RSS grows, score, outside the heap, suspect, limit, rate, growth */
	CHECK(reason(REASON_LIMIT_REACHED) && reason(REASON_RATE) && reason(REASON_GROWTH_LIMIT));
	options_default(&options);
}

static void test_odd_options(void)
{
	options.window = 0;
	options.min_samples = 4096;
	options.baseline_samples = 0;
	begin();
	go((struct growth){60, 60, 60, 0}, 7200, true);
	CHECK_EQ(verdict.n_samples, 2);
	CHECK_EQ(verdict.state, VERDICT_LEAK);
	options.window = UINT64_MAX;
	CHECK_EQ(detector_storage_size(&options), 5 * 8 * 4096);
	options_default(&options);
	CHECK_EQ(detector_storage_size(&options), 5 * 8 * 120);
}

int main(void)
{
	options_default(&options);
	test_states();
	test_heap_unknown();
	test_too_few();
	test_hold();
	test_rule_a();
	test_limits();
	test_looking_often();
	test_callsites();
	test_reasons_fit();
	test_odd_options();
	free(storage);
	return check_result();
}
