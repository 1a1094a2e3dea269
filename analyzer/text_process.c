/*
 * Processes as text -- see text_process.h: verdict, memory, the callsites that hold most, the agent's cost.
 */
#include "analyzer/text_process.h"
#include "analyzer/exactness.h"
#include "analyzer/figures.h"
#include "analyzer/listing.h"
#include "analyzer/modulepath.h"
#include "analyzer/text_callsite.h"
#include "analyzer/text_stack.h"
#include "analyzer/words.h"
#include "detector/reason.h"
#include <math.h>
#include <string.h>

#define COMMAND_WIDTH 100
#define MAPPINGS_SHOWN 4u

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

const char *text_color(const struct text *t, enum color color)
{
	static const char *const codes[] = {"\033[0m", "\033[1;31m", "\033[1;33m", "\033[32m", "\033[1m"};

	return t->color ? codes[color] : "";
}

void text_reasons(const struct text *t, const struct wire_reason *reasons, unsigned n)
{
	char sentence[512];

	for (unsigned i = 0; i < n && reasons[i].code; i++) {
		sentence[0] = '\0';
		reason_text(&reasons[i], sentence, sizeof(sentence));
		if (!sentence[0])
			continue;
		fputs("            ", t->out);
		put_text(t->out, sentence, sizeof(sentence));
		fputc('\n', t->out);
	}
}

void text_title(const struct text *t, const struct process *process)
{
	char word[WORD_MAX];

	fputs(text_color(t, COLOR_STRONG), t->out);
	put_command(t, process);
	fprintf(t->out, "%s (pid %d, %s, ", text_color(t, COLOR_NONE), process->wire.pid,
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

static void put_verdict(const struct text *t, const struct process *process, const struct figures *figures)
{
	const struct wire_verdict *verdict = &process->verdict;
	char word[WORD_MAX];

	fprintf(t->out, "  verdict   %s%s%s", text_color(t, verdict_color(verdict)), verdict_name(verdict->state),
		text_color(t, COLOR_NONE));
	if (verdict->severity)
		fprintf(t->out, ", %s", severity_name(verdict->severity));
	if (verdict->n_samples && verdict->state != VERDICT_INCONCLUSIVE) {
		fprintf(t->out, ", score %.2f", isfinite(verdict->score) ? verdict->score : 0.0);
		if (!verdict->reasons[0].code)
			text_growth(t, "RSS ", verdict->growth_bytes_per_hour);
		if (figures->has_limit)
			fprintf(t->out, ", limit in %s", format_duration(verdict->time_to_limit_s, word));
	}
	fputc('\n', t->out);
	text_reasons(t, verdict->reasons, WIRE_REASONS);
}

void text_growth(const struct text *t, const char *what, double growth)
{
	char word[WORD_MAX];

	if (isfinite(growth) && fabs(growth) >= 1)
		fprintf(t->out, ", %s%s%s/h", what, growth > 0 ? "+" : "", format_bytes(growth, word));
}

void text_blocks(const struct text *t, const char *what, uint64_t bytes, uint64_t blocks)
{
	char size[WORD_MAX], count[WORD_MAX];

	fprintf(t->out, "%s%s in %s block%s", what, format_bytes(bytes, size), format_count(blocks, count),
		blocks == 1 ? "" : "s");
}

void text_estimate(const struct text *t, const char *what, uint64_t bytes, double bytes_variance, uint64_t blocks,
		   double blocks_variance)
{
	char size[WORD_MAX], size_error[WORD_MAX], count[WORD_MAX], count_error[WORD_MAX];

	if (!(bytes_variance > 0) && !(blocks_variance > 0)) {
		text_blocks(t, what, bytes, blocks);
		return;
	}
	fprintf(t->out, "%s%s +/- %s in %s +/- %s block%s", what, format_bytes(bytes, size),
		format_bytes(sqrt(bytes_variance), size_error), format_count(blocks, count),
		format_count((uint64_t)llround(fmin(sqrt(blocks_variance), 1e18)), count_error),
		blocks == 1 ? "" : "s");
}

/* Which mappings RSS has grown in, where malloc knows nothing of it. */
static void put_mappings(const struct text *t, const struct process *process)
{
	char word[WORD_MAX];
	unsigned shown = 0;

	if (process->verdict.state != VERDICT_EXTERNAL)
		return;
	for (unsigned i = 0; i < PROCESS_MAPPINGS && process->mappings[i].name[0]; i++) {
		const struct wire_mapping *m = &process->mappings[i];

		if (shown++ == MAPPINGS_SHOWN)
			break;
		fprintf(t->out, "            +%s ", format_bytes((double)(m->now - m->before), word));
		put_text(t->out, m->name, sizeof(m->name));
		fputc('\n', t->out);
	}
}

static void put_memory(const struct text *t, const struct figures *figures, const struct listing *listing)
{
	char from[WORD_MAX], to[WORD_MAX], most[WORD_MAX];
	const struct variances *v = &listing->variances;

	text_estimate(t, "  memory    live ", listing->live_bytes, v->live_bytes, listing->live_blocks, v->live_blocks);
	if (figures->peak_live_bytes > listing->live_bytes)
		fprintf(t->out, " (peak %s)", format_bytes(figures->peak_live_bytes, most));
	if (figures->last->rss)
		fprintf(t->out, "; RSS %s -> %s (peak %s)", format_bytes(figures->first->rss, from),
			format_bytes(figures->last->rss, to), format_bytes(figures->peak_rss, most));
	text_estimate(t, "\n            allocated ", listing->totals.allocated_bytes, v->allocated_bytes,
		      listing->totals.allocated_blocks, v->allocated_blocks);
	text_estimate(t, ", freed ", listing->totals.freed_bytes, v->freed_bytes, listing->totals.freed_blocks,
		      v->freed_blocks);
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
	if (process->detector.candidates)
		fprintf(t->out, "            evidence on %s callsites, %s of that CPU time\n",
			format_count(process->detector.candidates, dropped),
			format_duration(process->detector.cpu_ns / 1e9, cpu));
	if (process->detector.left_out)
		fprintf(t->out, "            %s more callsites would be judged if there was room\n",
			format_count(process->detector.left_out, unknown));
	if (agent->hooks_ns)
		fprintf(t->out, "            about %s of CPU in its hooks\n",
			format_duration(agent->hooks_ns / 1e9, memory));
	if (agent->verified)
		fprintf(t->out, "            %s stacks unwound again, %s differed\n",
			format_count(agent->verified, dropped), format_count(agent->verify_differences, unknown));
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
	put_mappings(t, process);
	if (!process->agent.dormant)
		put_memory(t, &figures, &listing);
	put_exactness(t, process);
	r = text_callsites(t, process, &listing);
	if (!process->agent.dormant)
		put_cost(t, process);
	put_complaints(t, process, &listing);
	listing_fini(&listing);
	return r;
}
