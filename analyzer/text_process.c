/*
 * Processes as text -- see text_process.h: verdict, memory, the callsites that hold most, the agent's cost.
 */
#include "analyzer/text_process.h"
#include "analyzer/exactness.h"
#include "analyzer/figures.h"
#include "analyzer/listing.h"
#include "analyzer/modulepath.h"
#include "analyzer/text_stack.h"
#include "analyzer/words.h"
#include "detector/reason.h"
#include <math.h>
#include <string.h>

#define COMMAND_WIDTH 100

enum color { COLOR_NONE, COLOR_BAD, COLOR_WARNING, COLOR_GOOD, COLOR_STRONG };

static const char *begin_color(const struct text *t, enum color color)
{
	static const char *const codes[] = {"", "\033[1;31m", "\033[1;33m", "\033[32m", "\033[1m"};

	return t->color ? codes[color] : "";
}

static const char *end_color(const struct text *t)
{
	return t->color ? "\033[0m" : "";
}

static void put_command(const struct text *t, const struct process *process)
{
	size_t room = COMMAND_WIDTH, length;

	put_text(t->out, process->exe && process->exe[0] ? process->exe : "?", room);
	length = process->exe ? strlen(process->exe) : 0;
	room = length < room ? room - length : 0;
	for (unsigned i = 1; i < process->n_command; i++) {
		length = strlen(process->command[i]) + 1;
		if (length > room) {
			fputs(" ...", t->out);
			return;
		}
		fputc(' ', t->out);
		put_text(t->out, process->command[i], room);
		room -= length;
	}
}

static void put_end(const struct text *t, const struct process *process)
{
	const struct wire_end *end = &process->end;
	char word[WORD_MAX];

	switch (end->how) {
	case END_RUNNING:
		fputs("still running", t->out);
		break;
	case END_EXIT:
		fprintf(t->out, "exit status %d", end->status);
		break;
	case END_SIGNAL:
		fprintf(t->out, "killed by %s", signal_name(end->signal, word));
		break;
	case END_EXEC:
		fputs("replaced by exec", t->out);
		break;
	default:
		fputs("ended unseen", t->out);
	}
	if (process->final_state == FINAL_POST_MORTEM)
		fputs(", post-mortem", t->out);
}

void text_title(const struct text *t, const struct process *process)
{
	char word[WORD_MAX];

	fputs(begin_color(t, COLOR_STRONG), t->out);
	put_command(t, process);
	fprintf(t->out, "%s (pid %d, %s, ", end_color(t), process->wire.pid,
		format_duration(process_duration_s(process), word));
	put_end(t, process);
	fputc(')', t->out);
}

static enum color verdict_color(const struct wire_verdict *verdict)
{
	if (verdict->severity == SEVERITY_CRITICAL || verdict->state == VERDICT_LEAK)
		return COLOR_BAD;
	if (verdict->severity == SEVERITY_WARNING || verdict->state == VERDICT_GROWTH)
		return COLOR_WARNING;
	return verdict->state == VERDICT_STABLE ? COLOR_GOOD : COLOR_NONE;
}

static void put_growth(const struct text *t, const char *what, double growth)
{
	char word[WORD_MAX];

	if (isfinite(growth) && fabs(growth) >= 1)
		fprintf(t->out, ", %s%s%s/h", what, growth > 0 ? "+" : "", format_bytes(growth, word));
}

static void put_verdict(const struct text *t, const struct process *process, const struct figures *figures)
{
	const struct wire_verdict *verdict = &process->verdict;
	char word[WORD_MAX], sentence[512];

	fprintf(t->out, "  verdict   %s%s%s", begin_color(t, verdict_color(verdict)), verdict_name(verdict->state),
		end_color(t));
	if (verdict->severity)
		fprintf(t->out, ", %s", severity_name(verdict->severity));
	if (verdict->n_samples && verdict->state != VERDICT_INCONCLUSIVE) {
		fprintf(t->out, ", score %.2f", isfinite(verdict->score) ? verdict->score : 0.0);
		if (!verdict->reasons[0].code)
			put_growth(t, "RSS ", verdict->growth_bytes_per_hour);
		if (figures->has_limit)
			fprintf(t->out, ", limit in %s", format_duration(verdict->time_to_limit_s, word));
	}
	fputc('\n', t->out);
	for (unsigned i = 0; i < WIRE_REASONS && verdict->reasons[i].code; i++) {
		sentence[0] = '\0';
		reason_text(&verdict->reasons[i], sentence, sizeof(sentence));
		if (!sentence[0])
			continue;
		fputs("            ", t->out);
		put_text(t->out, sentence, sizeof(sentence));
		fputc('\n', t->out);
	}
}

void text_blocks(const struct text *t, const char *what, uint64_t bytes, uint64_t blocks)
{
	char size[WORD_MAX], count[WORD_MAX];

	fprintf(t->out, "%s%s in %s block%s", what, format_bytes(bytes, size), format_count(blocks, count),
		blocks == 1 ? "" : "s");
}

static void put_memory(const struct text *t, const struct figures *figures, const struct listing *listing)
{
	char from[WORD_MAX], to[WORD_MAX], most[WORD_MAX];

	text_blocks(t, "  memory    live ", listing->live_bytes, listing->live_blocks);
	if (figures->peak_live_bytes > listing->live_bytes)
		fprintf(t->out, " (peak %s)", format_bytes(figures->peak_live_bytes, most));
	if (figures->last->rss)
		fprintf(t->out, "; RSS %s -> %s (peak %s)", format_bytes(figures->first->rss, from),
			format_bytes(figures->last->rss, to), format_bytes(figures->peak_rss, most));
	text_blocks(t, "\n            allocated ", listing->totals.allocated_bytes, listing->totals.allocated_blocks);
	text_blocks(t, ", freed ", listing->totals.freed_bytes, listing->totals.freed_blocks);
	fputc('\n', t->out);
}

static void put_exactness(const struct text *t, const struct process *process)
{
	struct exactness exactness;

	exactness_judge(&exactness, process);
	if (!exactness.n) {
		fputs("  figures   exact\n", t->out);
		return;
	}
	fputs("  figures   inexact: ", t->out);
	for (unsigned i = 0; i < exactness.n; i++)
		fprintf(t->out, "%s%s", i ? "\n            " : "", exactness.reasons[i]);
	fputc('\n', t->out);
}

static void put_cost(const struct text *t, const struct process *process)
{
	const struct wire_agent *agent = &process->agent;
	char memory[WORD_MAX], cpu[WORD_MAX], dropped[WORD_MAX], unknown[WORD_MAX];

	fprintf(t->out, "  guard     %s of memory, %s of CPU, mode %s, %s; %s records dropped, %s unknown frees\n",
		format_bytes(agent->memory_bytes, memory), format_duration(agent->cpu_ns / 1e9, cpu),
		mode_name(agent->mode),
		agent->unwinder == UNWINDER_NONE ? "no unwinder: stacks of one frame" : unwinder_name(agent->unwinder),
		format_count(agent->dropped, dropped), format_count(agent->unknown_frees, unknown));
	if (agent->verified)
		fprintf(t->out, "            %s stacks unwound again, %s differed\n",
			format_count(agent->verified, dropped), format_count(agent->verify_differences, unknown));
}

static bool is_worth_showing(const struct listed_callsite *callsite)
{
	return callsite->live_bytes || callsite->live_blocks || callsite->verdict.state == VERDICT_LEAK ||
	       callsite->verdict.state == VERDICT_GROWTH;
}

static int put_callsite(const struct text *t, const struct process *process, const struct listing *listing,
			const struct listed_callsite *callsite)
{
	bool leak = callsite->verdict.state == VERDICT_LEAK, growth = callsite->verdict.state == VERDICT_GROWTH;

	fputs(begin_color(t, leak ? COLOR_BAD : growth ? COLOR_WARNING : COLOR_STRONG), t->out);
	text_blocks(t, "\n  ", callsite->live_bytes, callsite->live_blocks);
	fputs(end_color(t), t->out);
	if (listing->live_bytes)
		fprintf(t->out, ", %.1f %%", 100.0 * callsite->live_bytes / listing->live_bytes);
	put_growth(t, "", callsite->verdict.growth_bytes_per_hour);
	if (leak || growth)
		fprintf(t->out, ", %s, score %.2f", verdict_name(callsite->verdict.state),
			isfinite(callsite->verdict.score) ? callsite->verdict.score : 0.0);
	fputc('\n', t->out);
	return text_stack(t->out, process, callsite, t->symbolizer);
}

static int put_callsites(const struct text *t, const struct process *process, const struct listing *listing)
{
	struct listed_callsite rest = {0};
	char count[WORD_MAX];
	size_t n_shown = 0, n_rest = 0;
	int r = 0;

	for (size_t i = 0; i < listing->n && r == 0; i++) {
		const struct listed_callsite *callsite = &listing->callsites[i];

		if (!is_worth_showing(callsite))
			continue;
		if (n_shown < t->top) {
			r = put_callsite(t, process, listing, callsite);
			n_shown++;
			continue;
		}
		n_rest++;
		rest.live_bytes += callsite->live_bytes;
		rest.live_blocks += callsite->live_blocks;
	}
	if (n_rest) {
		fprintf(t->out, "\n  %s other callsite%s: ", format_count(n_rest, count), n_rest == 1 ? "" : "s");
		text_blocks(t, "", rest.live_bytes, rest.live_blocks);
		fputc('\n', t->out);
	}
	if (n_shown)
		fputc('\n', t->out);
	return r;
}

static void put_complaints(const struct text *t, const struct process *process, const struct listing *listing)
{
	for (uint32_t id = 1; id < process->n_modules; id++) {
		const char *complaint = listing->modules[id] ? symbolizer_complaint(t->symbolizer, process, id) : NULL;

		if (!complaint)
			continue;
		fputs("  ", t->out);
		put_text(t->out, module_name(process, &process->modules[id]), 256);
		fprintf(t->out, ": %s; its functions are not named\n", complaint);
	}
}

int text_process(const struct text *t, const struct process *process)
{
	struct listing listing;
	struct figures figures;
	int r = listing_init(&listing, process);

	if (r < 0)
		return r;
	figures_init(&figures, process, &listing);
	text_title(t, process);
	fputc('\n', t->out);
	put_verdict(t, process, &figures);
	if (!process->agent.dormant)
		put_memory(t, &figures, &listing);
	put_exactness(t, process);
	r = put_callsites(t, process, &listing);
	if (!process->agent.dormant)
		put_cost(t, process);
	put_complaints(t, process, &listing);
	listing_fini(&listing);
	return r;
}
