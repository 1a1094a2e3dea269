/*
 * rules -- what other rules say about a trace: rules A and B, Mann-Kendall, block age, and Coroot's.
 *
 * usage: rules < LOG
 *
 * Rules A and B are the detector's own code (detector/regression.h). They and Coroot's have thresholds in megabytes, so
 * the resident set is scaled to a peak of 400 MB first: that is the size of process they are made for.
 *
 *   rule_a        5 MB/min over 10 min, at any time        rule_a_limit   50 MB over the baseline, at the end
 *   rule_b        score above 0.8 for 15 min, at any time  rule_b_end     score above 0.8 at the end
 *   coroot        at any time                              coroot_end     at the end
 *   kendall       Mann-Kendall's z of the resident set over the run is above 2.33
 *   kendall_sites the same of a site's live bytes          age_sites      8 blocks or more are older than T/4
 *
 * Coroot's rule as its source has it (auditor/memory.go): a line through the last hour since a drop by half; it rises
 * by 50 MiB/h and by 10 %/h or more; the slope of the last quarter is 30 % of it or more.
 */
#include "detector/regression.h"
#include "trace.h"
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define MB 1048576.0
#define POINTS 120 /* of a series for Mann-Kendall, and of the last hour */

struct answers {
	bool rule_a, rule_a_limit, rule_b, rule_b_end, coroot, coroot_end, kendall;
};

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* z of the trend of n values, with the correction for ties. */
static double kendall_z(const double *values, size_t n)
{
	double sorted[POINTS], s = 0, variance = (double)n * (double)(n - 1) * (double)(2 * n + 5);

	memcpy(sorted, values, n * sizeof(*values));
	qsort(sorted, n, sizeof(*sorted), compare);
	for (size_t i = 0; i < n; i++) {
		size_t alike = 1;

		for (size_t j = i + 1; j < n; j++)
			s += (values[j] > values[i]) - (values[j] < values[i]);
		if (i > 0 && sorted[i] == sorted[i - 1])
			continue;
		while (i + alike < n && sorted[i + alike] == sorted[i])
			alike++;
		variance -= (double)alike * (double)(alike - 1) * (double)(2 * alike + 5);
	}
	if (variance <= 0 || s == 0)
		return 0;
	return (s - (s > 0 ? 1 : -1)) / sqrt(variance / 18);
}

static bool kendall_rises(const double *values, size_t n)
{
	double points[POINTS];
	size_t taken = n < POINTS ? n : POINTS;

	for (size_t i = 0; i < taken; i++)
		points[i] = values[i * n / taken];
	return taken > 3 && kendall_z(points, taken) > 2.33;
}

static void judge_rule_a(const struct trace *t, double scale, struct answers *answers)
{
	static struct rule_a rule;
	uint64_t base, live, last = 0;

	rule_a_init(&rule, 10);
	for (size_t i = 0; i < t->n_samples; i++) {
		last = (uint64_t)(t->rss[i] * scale);
		rule_a_sample(&rule, (uint64_t)(t->times[i] * 1e9), last, 0);
		if (rule_a_covered(&rule) && rule_a_fit(&rule).bytes_per_hour > 5 * MB * 60)
			answers->rule_a = true;
	}
	answers->rule_a_limit = rule_a_baseline(&rule, &base, &live) && last > base + (uint64_t)(50 * MB);
}

static void judge_rule_b(const struct trace *t, double scale, struct answers *answers)
{
	const struct rule_b rule = {10, 10 * MB, 50 * MB};
	uint64_t times[POINTS], values[POINTS];
	struct series_axis axis;
	struct series series;
	double since = -1;

	series_axis_init(&axis, times, POINTS);
	series_init(&series, values);
	for (size_t i = 0; i < t->n_samples; i++) {
		struct fit fit;

		series_axis_push(&axis, (uint64_t)(t->times[i] * 1e9));
		series_push(&series, &axis, (uint64_t)(t->rss[i] * scale));
		fit = series_fit(&series);
		answers->rule_b_end = rule_b_score(&rule, &fit) > 0.8;
		if (!answers->rule_b_end)
			since = -1;
		else if (since < 0)
			since = t->times[i];
		else if (t->times[i] - since >= 900)
			answers->rule_b = true;
	}
}

/* Slope per second through samples first to last. */
static double slope(const struct trace *t, size_t first, size_t last)
{
	double n = (double)(last - first + 1), x = 0, y = 0, xx = 0, xy = 0;

	for (size_t i = first; i <= last; i++) {
		double time = t->times[i] - t->times[first];

		x += time;
		y += t->rss[i];
		xx += time * time;
		xy += time * t->rss[i];
	}
	return n * xx - x * x > 0 ? (n * xy - x * y) / (n * xx - x * x) : 0;
}

static bool coroot_at(const struct trace *t, double scale, size_t last, size_t restart)
{
	size_t first = restart;
	double hourly;

	while (t->times[last] - t->times[first] > 3600)
		first++;
	if (last - first < 10 || t->times[last] - t->times[first] < 1200)
		return false;
	hourly = slope(t, first, last) * 3600;
	return hourly * scale >= 50 * MB && hourly > 0.1 * t->rss[last] &&
	       slope(t, last - (last - first) / 4, last) * 3600 >= 0.3 * hourly;
}

static void judge_coroot(const struct trace *t, double scale, struct answers *answers)
{
	size_t restart = 0;

	for (size_t i = 1; i < t->n_samples; i++) {
		if (t->rss[i] < 0.5 * t->rss[i - 1])
			restart = i;
		answers->coroot_end = coroot_at(t, scale, i, restart);
		answers->coroot |= answers->coroot_end;
	}
}

static void print_sites(const struct trace *t, const char *name, bool (*flags)(const struct trace *, size_t))
{
	const char *separator = "";

	printf(",\"%s\":[", name);
	for (size_t i = 0; i < t->n_sites; i++) {
		if (!flags(t, i))
			continue;
		printf("%s\"%s\"", separator, t->sites[i].name);
		separator = ",";
	}
	putchar(']');
}

static bool flagged_by_age(const struct trace *t, size_t i)
{
	return t->sites[i].old_blocks >= 8;
}

static bool flagged_by_kendall(const struct trace *t, size_t i)
{
	return t->sites[i].room >= t->n_samples && kendall_rises(t->sites[i].live, t->n_samples);
}

static const char *yes(bool is)
{
	return is ? "true" : "false";
}

int main(void)
{
	struct answers answers = {0};
	struct trace *t;
	double peak = 1, scale;

	if (trace_read(stdin, &t))
		return 1;
	for (size_t i = 0; i < t->n_samples; i++)
		peak = t->rss[i] > peak ? t->rss[i] : peak;
	scale = 400 * MB / peak;
	judge_rule_a(t, scale, &answers);
	judge_rule_b(t, scale, &answers);
	judge_coroot(t, scale, &answers);
	answers.kendall = kendall_rises(t->rss, t->n_samples);
	printf("{\"rule_a\":%s,\"rule_a_limit\":%s,\"rule_b\":%s,\"rule_b_end\":%s,\"coroot\":%s,\"coroot_end\":%s,"
	       "\"kendall\":%s",
	       yes(answers.rule_a), yes(answers.rule_a_limit), yes(answers.rule_b), yes(answers.rule_b_end),
	       yes(answers.coroot), yes(answers.coroot_end), yes(answers.kendall));
	print_sites(t, "kendall_sites", flagged_by_kendall);
	print_sites(t, "age_sites", flagged_by_age);
	puts("}");
	trace_free(t);
	return 0;
}
