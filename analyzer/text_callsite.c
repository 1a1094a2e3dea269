/*
 * Callsites as text. See text_callsite.h.
 */
#include "analyzer/text_callsite.h"
#include "analyzer/figures.h"
#include "analyzer/text_stack.h"
#include "analyzer/words.h"
#include "detector/finding.h"
#include <math.h>

#define IN_PARAGRAPHS 3 /* further ones have a line each, so that all fits a screen */

static bool is_worth_showing(const struct listed_callsite *callsite)
{
	return callsite->live_bytes || callsite->live_blocks || listing_is_bad(callsite);
}

static void put_ages(const struct text *t, const struct wire_evidence *evidence)
{
	char word[WORD_MAX];

	fprintf(t->out, "            live blocks by age, oldest first, in eighths of %s:",
		format_duration(evidence->age_s, word));
	for (unsigned i = 0; i < sizeof(evidence->ages) / sizeof(evidence->ages[0]); i++)
		fprintf(t->out, " %s", format_count(evidence->ages[i], word));
	fputc('\n', t->out);
}

static void put_evidence(const struct text *t, const struct process *process, const struct wire_evidence *evidence)
{
	struct wire_reason reasons[CALLSITE_REASONS];

	callsite_reasons(process, evidence, reasons);
	text_reasons(t, reasons, CALLSITE_REASONS);
	put_ages(t, evidence);
}

/* Is there a finding to tell? What comes and goes in an innocent one is no growth to speak of. */
static bool has_finding(const struct listed_callsite *callsite)
{
	return listing_is_bad(callsite) || callsite->verdict.state == VERDICT_WARM_UP ||
	       (callsite->evidence && finding_state(callsite->evidence) != callsite->verdict.state);
}

/* "1.5 KB in 12 blocks, 3.0 %, +1.5 MB/h, leak, score 0.50" */
static void put_headline(const struct text *t, const struct listing *listing, const struct listed_callsite *callsite)
{
	bool leak = callsite->verdict.state == VERDICT_LEAK, growth = callsite->verdict.state == VERDICT_GROWTH;
	const struct wire_evidence *evidence = callsite->evidence;

	fputs(text_color(t, leak ? COLOR_BAD : growth ? COLOR_WARNING : COLOR_STRONG), t->out);
	if (callsite->live_blocks || callsite->live_bytes)
		text_estimate(t, "  ", callsite->live_bytes, callsite->variances.live_bytes, callsite->live_blocks,
			      callsite->variances.live_blocks);
	else
		fputs("  nothing live any more", t->out);
	fputs(text_color(t, COLOR_NONE), t->out);
	if (listing->live_bytes && callsite->live_bytes)
		fprintf(t->out, ", %.1f %%", 100.0 * callsite->live_bytes / listing->live_bytes);
	if (has_finding(callsite))
		text_growth(t, "", evidence ? evidence->bytes_per_hour : callsite->verdict.growth_bytes_per_hour);
	if (leak || growth)
		fprintf(t->out, ", %s, score %.2f", verdict_name(callsite->verdict.state),
			isfinite(callsite->verdict.score) ? callsite->verdict.score : 0.0);
	else if (callsite->verdict.state == VERDICT_WARM_UP)
		fprintf(t->out, ", %s", verdict_name(callsite->verdict.state));
}

/* How much is said of a callsite, by how many are before it. */
static int put_callsite(const struct text *t, const struct process *process, const struct listing *listing,
			const struct listed_callsite *callsite, size_t before)
{
	const struct wire_evidence *evidence = callsite->evidence;
	bool in_full = !t->brief || before == 0;

	if (t->brief && before >= IN_PARAGRAPHS) {
		fputs(before == IN_PARAGRAPHS ? "\n" : "", t->out);
		put_headline(t, listing, callsite);
		return text_stack_line(t->out, process, callsite, t->symbolizer);
	}
	fputc('\n', t->out);
	put_headline(t, listing, callsite);
	fputc('\n', t->out);
	if (evidence && has_finding(callsite))
		put_evidence(t, process, evidence);
	return text_stack(t->out, process, callsite, in_full ? STACK_LINES : STACK_LINES_BRIEF, t->symbolizer);
}

/* "97 other callsites, 90 stable, 7 warm_up: 4.2 MB in 1,000 blocks" */
static void put_rest(const struct text *t, const struct listed_callsite *rest, size_t n, const size_t *n_by_state)
{
	char count[WORD_MAX];

	fprintf(t->out, "\n  %s other callsite%s", format_count(n, count), n == 1 ? "" : "s");
	for (unsigned state = VERDICT_STABLE; state < N_VERDICTS; state++)
		if (n_by_state[state])
			fprintf(t->out, ", %s %s", format_count(n_by_state[state], count), verdict_name(state));
	text_blocks(t, ": ", rest->live_bytes, rest->live_blocks);
	fputc('\n', t->out);
}

int text_callsites(const struct text *t, const struct process *process, const struct listing *listing)
{
	struct listed_callsite rest = {0};
	size_t n_shown = 0, n_rest = 0, n_by_state[N_VERDICTS] = {0};
	int r = 0;

	for (size_t i = 0; i < listing->n && r == 0; i++) {
		const struct listed_callsite *callsite = &listing->callsites[i];

		if (!is_worth_showing(callsite))
			continue;
		if (n_shown < (listing_is_bad(callsite) ? t->top : t->innocent)) {
			r = put_callsite(t, process, listing, callsite, n_shown++);
			continue;
		}
		n_rest++;
		if (callsite->verdict.state < N_VERDICTS)
			n_by_state[callsite->verdict.state]++;
		listing_add(&rest, callsite);
	}
	if (n_rest)
		put_rest(t, &rest, n_rest, n_by_state);
	if (n_shown)
		fputc('\n', t->out);
	return r;
}
