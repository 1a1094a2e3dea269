/*
 * Regression -- rule A and rule B as regression.h defines them.
 *
 * Guarantees: no figure is NaN or infinite, whatever the samples and thresholds.
 */
#include "detector/regression.h"
#include <string.h>

double rule_b_score(const struct rule_b *rule, const struct fit *fit)
{
	double b = fit->bytes_per_hour, s = 1;

	if (fit->n < rule->min_samples || !(b > 0))
		return 0;
	if (b <= rule->moderate)
		s = 0.5 * b / rule->moderate;
	else if (b < rule->severe)
		s = 0.5 + 0.5 * (b - rule->moderate) / (rule->severe - rule->moderate);
	return fit->r2 * s;
}

void rule_a_init(struct rule_a *rule, uint32_t baseline_samples)
{
	memset(rule, 0, sizeof(*rule));
	rule->baseline_samples = baseline_samples ? baseline_samples : 1;
	series_axis_init(&rule->axis, rule->times, RULE_A_SAMPLES);
	series_init(&rule->rss, rule->values);
}

void rule_a_sample(struct rule_a *rule, uint64_t time_ns, uint64_t rss, uint64_t live)
{
	uint64_t n = rule->n_seen++;

	if (n < rule->baseline_samples)
		return; /* warm-up */
	if (n < 2 * (uint64_t)rule->baseline_samples) {
		rule->rss_sum += rss;
		rule->live_sum += live;
	}
	if (rule->axis.steps && time_ns - rule->newest_ns < RULE_A_SPACING_NS)
		return;
	if (!rule->axis.steps)
		rule->begin_ns = time_ns;
	rule->newest_ns = time_ns;
	series_axis_push(&rule->axis, time_ns);
	series_push(&rule->rss, &rule->axis, rss);
	if (time_ns > RULE_A_WINDOW_NS)
		series_drop_before(&rule->rss, &rule->axis, time_ns - RULE_A_WINDOW_NS, RULE_A_LEAST);
}

struct fit rule_a_fit(const struct rule_a *rule)
{
	return series_fit(&rule->rss);
}

bool rule_a_covered(const struct rule_a *rule)
{
	return rule->axis.steps && rule->newest_ns - rule->begin_ns >= RULE_A_WINDOW_NS;
}

bool rule_a_baseline(const struct rule_a *rule, uint64_t *rss, uint64_t *live)
{
	if (rule->n_seen < 2 * (uint64_t)rule->baseline_samples)
		return false;
	*rss = rule->rss_sum / rule->baseline_samples;
	*live = rule->live_sum / rule->baseline_samples;
	return true;
}

double rule_a_time_to_limit(uint64_t rss, uint64_t limit, double bytes_per_hour)
{
	if (!limit)
		return -1;
	if (rss >= limit)
		return 0;
	return bytes_per_hour > 0 ? (double)(limit - rss) / bytes_per_hour * 3600 : -1;
}
