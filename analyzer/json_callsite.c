/*
 * Callsites as JSON -- see json_callsite.h. Reports of large trees are mostly these, so they are printed directly.
 */
#include "analyzer/json_callsite.h"
#include "analyzer/json_value.h"
#include "analyzer/words.h"
#include <errno.h>

static void put_size(FILE *out, const char *name, uint64_t value)
{
	fprintf(out, ",\"%s\":%lld", name, (long long)(value > INT64_MAX ? INT64_MAX : value));
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
	fputc('}', out);
	return r;
}

static int put_callsite(FILE *out, const struct listed_callsite *callsite, const struct json_stack *stack)
{
	const struct wire_counts *counts = &callsite->counts;
	int r;

	fprintf(out, "{\"id\":\"%s\"", stack->name);
	put_size(out, "live_bytes", callsite->live_bytes);
	put_size(out, "live_blocks", callsite->live_blocks);
	put_size(out, "allocated_bytes", counts->allocated_bytes);
	put_size(out, "allocated_blocks", counts->allocated_blocks);
	put_size(out, "freed_bytes", counts->freed_bytes);
	put_size(out, "freed_blocks", counts->freed_blocks);
	r = put_verdict(out, &callsite->verdict);
	if (callsite->flags & STACK_CUT)
		fputs(",\"cut\":true", out);
	if (callsite->flags & STACK_INCOMPLETE)
		fputs(",\"incomplete\":true", out);
	fputs(",\"frames\":[", out);
	fwrite(stack->text, 1, stack->length, out);
	fputs("]}", out);
	return r;
}

int json_put_callsites(FILE *out, const struct process *process, const struct listing *listing,
		       struct json_stacks *stacks)
{
	int r = json_stacks_begin(stacks, process);

	for (size_t i = 0; i < listing->n && r == 0 && !ferror(out); i++) {
		const struct listed_callsite *callsite = &listing->callsites[i];
		const struct json_stack *stack = json_stacks_find(stacks, callsite->frames, callsite->n_frames);

		fputs(i ? ",\n   " : "\n   ", out);
		r = stack ? put_callsite(out, callsite, stack) : -ENOMEM;
	}
	return r;
}
