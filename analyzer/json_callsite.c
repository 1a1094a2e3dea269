/*
 * Callsites as JSON -- see json_callsite.h. Reports of large trees are mostly these, so they are printed directly.
 */
#include "analyzer/json_callsite.h"
#include "analyzer/figures.h"
#include "analyzer/json_value.h"
#include "analyzer/words.h"
#include "detector/finding.h"
#include <errno.h>
#include <math.h>

static void put_size(FILE *out, const char *name, uint64_t value)
{
	fprintf(out, ",\"%s\":%lld", name, (long long)(value > INT64_MAX ? INT64_MAX : value));
}

static void put_counts(FILE *out, const struct listed_callsite *callsite)
{
	const struct wire_counts *counts = &callsite->counts;

	put_size(out, "live_bytes", callsite->live_bytes);
	put_size(out, "live_blocks", callsite->live_blocks);
	put_size(out, "allocated_bytes", counts->allocated_bytes);
	put_size(out, "allocated_blocks", counts->allocated_blocks);
	put_size(out, "freed_bytes", counts->freed_bytes);
	put_size(out, "freed_blocks", counts->freed_blocks);
}

/* Of figures that are estimates. */
static int put_errors(FILE *out, const struct variances *v)
{
	const struct {
		const char *name;
		double variance;
	} rows[] = {{"live_bytes", v->live_bytes},	     {"live_blocks", v->live_blocks},
		    {"allocated_bytes", v->allocated_bytes}, {"allocated_blocks", v->allocated_blocks},
		    {"freed_bytes", v->freed_bytes},	     {"freed_blocks", v->freed_blocks}};
	int r = 0;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		fprintf(out, "%s\"%s\":", i ? "," : ",\"std_error\":{", rows[i].name);
		r |= json_put_number(out, sqrt(rows[i].variance));
	}
	fputc('}', out);
	return r;
}

static int put_verdict(FILE *out, const struct wire_callsite_verdict *verdict)
{
	int r;

	fprintf(out, ",\"verdict\":{\"state\":\"%s\",\"score\":", verdict_name(verdict->state));
	r = json_put_number(out, verdict->score);
	fputs(",\"growth_bytes_per_hour\":", out);
	r |= json_put_number(out, verdict->growth_bytes_per_hour);
	fputs(",\"r2\":", out);
	r |= json_put_number(out, verdict->r2);
	return r;
}

/* What is known of the callsite's past: z and p are of the trend, kept of what had time to be freed. */
static json_t *evidence_json(const struct wire_evidence *e)
{
	json_t *ages = json_array();
	double kept, low, high;

	finding_share(e, &kept, &low, &high);
	for (unsigned i = 0; i < sizeof(e->ages) / sizeof(e->ages[0]); i++)
		json_array_append_new(ages, json_integer(e->ages[i]));
	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}",
			 "finding", json_text(finding_name(e->finding)), "z", json_number(e->z), "p", json_number(kept),
			 "p_low", json_number(low), "p_high", json_number(high), "p_value", json_number(e->p_value),
			 "confidence", json_number(finding_confidence(e)), "rise", json_number(e->rise), "survivors",
			 json_number(e->survivors), "births", json_number(e->births), "survivor_bytes",
			 json_number(e->survivor_bytes), "hazard", json_number(e->hazard), "hazard_s",
			 json_number(e->hazard_s), "deceleration", json_number(e->deceleration), "tail",
			 json_number(e->tail), "bytes_per_hour", json_number(e->bytes_per_hour), "bytes_per_hour_low",
			 json_number(e->bytes_per_hour_low), "bytes_per_hour_high", json_number(e->bytes_per_hour_high),
			 "marks",
			 json_pack("{s:o,s:o,s:o}", "n", json_integer(e->marks), "blocks_per_mark",
				   json_number(e->blocks_per_mark), "bytes_per_mark", json_number(e->bytes_per_mark)),
			 "age_s", json_number(e->age_s), "ages", ages);
}

static int put_evidence(FILE *out, const struct process *process, const struct wire_evidence *evidence)
{
	struct wire_reason reasons[CALLSITE_REASONS];
	int r;

	if (!evidence) {
		fputs(",\"reasons\":[]},\"evidence\":null", out);
		return 0;
	}
	callsite_reasons(process, evidence, reasons);
	fputc(',', out);
	r = json_put_members(out, json_pack("{s:o}", "reasons", json_reasons(reasons, CALLSITE_REASONS)));
	fputs("},\"evidence\":{", out);
	r |= json_put_members(out, evidence_json(evidence));
	fputc('}', out);
	return r;
}

static int put_callsite(FILE *out, const struct process *process, const struct listed_callsite *callsite,
			const struct json_stack *stack)
{
	int r;

	fprintf(out, "{\"id\":\"%s\"", stack->name);
	put_counts(out, callsite);
	r = put_verdict(out, &callsite->verdict);
	r |= put_evidence(out, process, callsite->evidence);
	if (callsite->flags & STACK_SAMPLED)
		r |= put_errors(out, &callsite->variances);
	if (callsite->flags & STACK_CUT)
		fputs(",\"cut\":true", out);
	if (callsite->flags & STACK_INCOMPLETE)
		fputs(",\"incomplete\":true", out);
	fputs(",\"frames\":[", out);
	fwrite(stack->text, 1, stack->length, out);
	fputs("]}", out);
	return r;
}

static void put_others(FILE *out, const struct listing *listing, size_t first)
{
	struct listed_callsite sum = {0};

	for (size_t i = first; i < listing->n; i++)
		listing_add(&sum, &listing->callsites[i]);
	fprintf(out, "\"other_callsites\":{\"n\":%zu", listing->n - first);
	put_counts(out, &sum);
	fputc('}', out);
}

int json_put_callsites(FILE *out, const struct process *process, const struct listing *listing, size_t most,
		       struct json_stacks *stacks)
{
	int r = json_stacks_begin(stacks, process);
	size_t i;

	fputs("\"callsites\":[", out);
	for (i = 0; i < listing->n && r == 0 && !ferror(out); i++) {
		const struct listed_callsite *callsite = &listing->callsites[i];
		const struct json_stack *stack;

		if (i >= most && !listing_is_bad(callsite))
			break;
		stack = json_stacks_find(stacks, callsite->frames, callsite->n_frames);
		fputs(i ? ",\n   " : "\n   ", out);
		r = stack ? put_callsite(out, process, callsite, stack) : -ENOMEM;
	}
	fputs("],\n  ", out);
	put_others(out, listing, i);
	return r;
}
