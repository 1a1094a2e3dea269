/*
 * Regression -- the two plain rules: growth as the slope of a line through the samples.
 *
 * Rule A (guardrail). The rate is the slope of a least-squares line through the RSS of the last 10
 * minutes; more than `leak_rate` (5 MB/min) over the full 10 minutes is a leak. The baseline is
 * the mean of `baseline_samples` (10) samples; `growth_limit` (+50 MB, say) is how far RSS may
 * rise above it. Reaching `rss_limit` is critical. The time to the limit is what is left of it
 * divided by the slope; below `predict` (5 min) it is critical. Severity: normal, warning, critical.
 *
 * Rule B (score). Up to `window` (120) samples; b is the slope in bytes per hour, R2 the share of
 * the variance that the line explains; score = R2 * s(b), where
 *
 *     s(b) = 0.5 b / moderate                                    b up to moderate (10 MB/h)
 *          = 0.5 + 0.5 (b - moderate) / (severe - moderate)      b up to severe (50 MB/h)
 *          = 1                                                   above
 *
 * Fewer than `min_samples` (10) samples or b <= 0 give 0. A score above `leak_score` (0.8) is a
 * leak. MB is 2^20 bytes throughout.
 *
 * Two things rule A leaves open are settled here. Warm-up: the first `baseline_samples` samples
 * are let pass before baseline and rate begin, since the first sample sees a process that has not
 * even loaded its libraries. Short intervals: the rate uses samples 4.7 s apart or more, so that
 * 10 minutes fit into 128 of them whatever the interval.
 *
 * Context: any, one thread at a time; pure. Cost: tens of nanoseconds a sample.
 */
#pragma once
#include "detector/series.h"
#include <stdbool.h>
#include <stdint.h>

#define RULE_A_WINDOW_NS (600 * UINT64_C(1000000000))
#define RULE_A_SAMPLES 128u
#define RULE_A_SPACING_NS (UINT64_C(1000000000) * 47 / 10)
#define RULE_A_LEAST 3u /* samples kept even when they are older than 10 minutes */

struct rule_b {
	uint32_t min_samples;
	double moderate, severe; /* bytes per hour */
};
double rule_b_score(const struct rule_b *rule, const struct fit *fit);

struct rule_a {
	/* Warm-up and baseline: samples seen, and their sums once warm. */
	uint64_t n_seen, rss_sum, live_sum;
	uint32_t baseline_samples;
	/* The rate. */
	uint64_t begin_ns, newest_ns; /* times of the first and the last sample used */
	struct series_axis axis;
	struct series rss;
	uint64_t times[RULE_A_SAMPLES], values[RULE_A_SAMPLES];
};
/* The struct must stay where it is from here on. */
void rule_a_init(struct rule_a *rule, uint32_t baseline_samples);
void rule_a_sample(struct rule_a *rule, uint64_t time_ns, uint64_t rss, uint64_t live);
struct fit rule_a_fit(const struct rule_a *rule);
/* Do the samples cover the 10 minutes? Before that the rate is shown, but decides nothing. */
bool rule_a_covered(const struct rule_a *rule);
/* Mean RSS and live bytes of the baseline; false until there is one. */
bool rule_a_baseline(const struct rule_a *rule, uint64_t *rss, uint64_t *live);
/* Seconds until `rss` reaches `limit` at this slope; 0 when it has; negative when it never will or there is no limit.
 */
double rule_a_time_to_limit(uint64_t rss, uint64_t limit, double bytes_per_hour);
