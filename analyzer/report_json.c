/*
 * JSON -- the schema guard-report/1; fields are added, never renamed.
 *
 * Every field is there, null where its value is not known.
 */
#include "analyzer/exactness.h"
#include "analyzer/figures.h"
#include "analyzer/json_callsite.h"
#include "analyzer/json_value.h"
#include "analyzer/listing.h"
#include "analyzer/modulepath.h"
#include "analyzer/report.h"
#include "analyzer/words.h"
#include <errno.h>
#include <math.h>

static json_t *end_json(const struct process *process)
{
	const struct wire_end *end = &process->end;
	char name[WORD_MAX];

	return json_pack("{s:o,s:o,s:o,s:o}", "how", json_text(end_name(end->how)), "status", json_integer(end->status),
			 "signal", json_text(end->how == END_SIGNAL ? signal_name(end->signal, name) : NULL),
			 "final_state", json_text(final_state_name(process->final_state)));
}

/* The modes that the agent has been in. */
static json_t *modes_json(const struct wire_agent *agent)
{
	json_t *modes = json_array();

	for (unsigned mode = 0; mode < N_MODES; mode++)
		if (agent->modes & 1u << mode)
			json_array_append_new(modes, json_text(mode_name(mode)));
	return modes;
}

static json_t *agent_json(const struct process *process)
{
	const struct wire_agent *agent = &process->agent;

	const struct wire_detector *detector = &process->detector;

	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "version",
			 json_text(process->version ? process->version : ""), "mode", json_text(mode_name(agent->mode)),
			 "unwinder", json_text(unwinder_name(agent->unwinder)), "memory_bytes",
			 json_size(agent->memory_bytes), "cpu_s", json_number(agent->cpu_ns / 1e9), "dropped",
			 json_size(agent->dropped), "unknown_frees", json_size(agent->unknown_frees), "frames_unsent",
			 json_size(agent->frames_unsent), "cut_stacks", json_size(agent->cut_stacks),
			 "incomplete_stacks", json_size(agent->incomplete_stacks), "verified",
			 json_size(agent->verified), "verify_differences", json_size(agent->verify_differences),
			 "modes", modes_json(agent), "sample_bytes",
			 agent->modes & 1u << MODE_SAMPLED ? json_size(agent->sample_bytes) : json_null(), "governed",
			 json_boolean(agent->governed), "hooks_cpu_s",
			 agent->hooks_ns ? json_number(agent->hooks_ns / 1e9) : json_null(), "detector",
			 json_pack("{s:o,s:o,s:o,s:o,s:o}", "cpu_s", json_number(detector->cpu_ns / 1e9), "walk_cpu_s",
				   json_number(detector->walk_cpu_ns / 1e9), "walks", json_integer(detector->walks),
				   "candidates", json_integer(detector->candidates), "left_out",
				   json_integer(detector->left_out)));
}

static json_t *limit_json(double seconds, bool has_limit)
{
	return has_limit && seconds >= 0 ? json_number(seconds) : json_null();
}

/* Which part of RSS has grown since the start. */
static json_t *grown_json(const struct wire_verdict *verdict)
{
	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o}", "rss_bytes", json_number(verdict->grown), "live_bytes",
			 json_number(verdict->grown_live), "retained_bytes", json_number(verdict->grown_retained),
			 "outside_bytes", json_number(verdict->grown_outside), "file_bytes",
			 json_number(verdict->grown_file), "shared_bytes", json_number(verdict->grown_shared));
}

static json_t *mappings_json(const struct process *process)
{
	json_t *mappings = json_array();

	for (unsigned i = 0; i < PROCESS_MAPPINGS && process->mappings[i].name[0]; i++) {
		const struct wire_mapping *m = &process->mappings[i];

		json_array_append_new(mappings, json_pack("{s:o,s:o,s:o}", "name", json_text(m->name), "before_bytes",
							  json_size(m->before), "rss_bytes", json_size(m->now)));
	}
	return mappings;
}

static json_t *verdict_json(const struct wire_verdict *verdict, bool has_limit)
{
	return json_pack(
		"{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "state", json_text(verdict_name(verdict->state)),
		"severity", json_text(severity_name(verdict->severity)), "score", json_number(verdict->score),
		"growth_bytes_per_hour", json_number(verdict->growth_bytes_per_hour), "r2", json_number(verdict->r2),
		"time_to_limit_s", limit_json(verdict->time_to_limit_s, has_limit), "reasons",
		json_reasons(verdict->reasons, WIRE_REASONS), "confidence", json_number(verdict->confidence),
		"evident_bytes_per_hour", json_number(verdict->evident_bytes_per_hour), "time_to_limit_low_s",
		limit_json(verdict->time_to_limit_low_s, has_limit), "time_to_limit_high_s",
		limit_json(verdict->time_to_limit_high_s, has_limit), "grown", grown_json(verdict));
}

/* Of figures that are estimates; null where none is. */
static json_t *errors_json(const struct variances *v)
{
	if (!(v->allocated_blocks > 0))
		return json_null();
	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o}", "live_bytes", json_number(sqrt(v->live_bytes)), "live_blocks",
			 json_number(sqrt(v->live_blocks)), "allocated_bytes", json_number(sqrt(v->allocated_bytes)),
			 "allocated_blocks", json_number(sqrt(v->allocated_blocks)), "freed_bytes",
			 json_number(sqrt(v->freed_bytes)), "freed_blocks", json_number(sqrt(v->freed_blocks)));
}

static json_t *memory_json(const struct figures *figures, const struct listing *listing)
{
	const struct wire_counts *totals = &listing->totals;

	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "rss_bytes", json_size(figures->last->rss),
			 "vms_bytes", json_size(figures->last->vms), "peak_rss_bytes", json_size(figures->peak_rss),
			 "live_bytes", json_size(listing->live_bytes), "live_blocks", json_size(listing->live_blocks),
			 "peak_live_bytes", json_size(figures->peak_live_bytes), "allocated_bytes",
			 json_size(totals->allocated_bytes), "allocated_blocks", json_size(totals->allocated_blocks),
			 "freed_bytes", json_size(totals->freed_bytes), "freed_blocks", json_size(totals->freed_blocks),
			 "std_error", errors_json(&listing->variances));
}

static json_t *baseline_json(const struct process *process, const struct figures *figures)
{
	return json_pack("{s:o,s:o,s:o,s:o}", "rss_bytes", json_size(process->verdict.baseline_rss), "live_bytes",
			 json_size(process->verdict.baseline_live), "growth_bytes", json_integer(figures->growth_bytes),
			 "growth_percent", json_number(figures->growth_percent));
}

static json_t *exact_json(const struct process *process, bool *exact)
{
	struct exactness exactness;
	json_t *reasons = json_array();

	exactness_judge(&exactness, process);
	for (unsigned i = 0; i < exactness.n; i++)
		json_array_append_new(reasons, json_text(exactness.reasons[i]));
	*exact = exactness.n == 0;
	return reasons;
}

static json_t *command_json(const struct process *process)
{
	json_t *command = json_array();

	for (unsigned i = 0; i < process->n_command; i++)
		json_array_append_new(command, json_text(process->command[i]));
	return command;
}

static json_t *complaints_json(const struct process *process, const struct listing *listing,
			       struct symbolizer *symbolizer)
{
	json_t *complaints = json_array();

	for (uint32_t id = 1; id < process->n_modules; id++) {
		const char *complaint = listing->modules[id] ? symbolizer_complaint(symbolizer, process, id) : NULL;
		const char *name = module_name(process, &process->modules[id]);

		if (complaint)
			json_array_append_new(complaints, json_pack("{s:o,s:o}", "module", json_text(name), "reason",
								    json_text(complaint)));
	}
	return complaints;
}

static json_t *process_json(const struct process *process, const struct listing *listing)
{
	char started[WORD_MAX];
	struct figures figures;
	bool exact;
	json_t *reasons = exact_json(process, &exact);

	figures_init(&figures, process, listing);
	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "pid",
			 json_integer(process->wire.pid), "ppid", json_integer(process->wire.ppid), "exe",
			 json_text(process->exe ? process->exe : ""), "command", command_json(process), "started",
			 json_text(format_time(process->wire.start_realtime_ns, started)), "duration_s",
			 json_number(figures.duration_s), "end", end_json(process), "exact", json_boolean(exact),
			 "inexact_reasons", reasons, "agent", agent_json(process), "verdict",
			 verdict_json(&process->verdict, figures.has_limit), "memory", memory_json(&figures, listing),
			 "baseline", baseline_json(process, &figures), "mappings", mappings_json(process));
}

static int put_samples(FILE *out, const struct process *process)
{
	int r = 0;

	for (size_t i = 0; i < process->n_samples && r == 0 && !ferror(out); i++) {
		const struct wire_sample *sample = &process->samples[i];

		fputs(i ? ",\n   {" : "\n   {", out);
		r = json_put_members(out,
				     json_pack("{s:o,s:o,s:o,s:o}", "t_s", json_number(sample->time_ns / 1e9),
					       "rss_bytes", json_size(sample->rss), "vms_bytes", json_size(sample->vms),
					       "live_bytes", json_size(sample->live_bytes)));
		fputc('}', out);
	}
	return r;
}

/* `site`: the first function of the callsite whose verdict changed; null: the process's did. */
static int put_transitions(FILE *out, const struct process *process, struct symbolizer *symbolizer)
{
	int r = 0;

	for (size_t i = 0; i < process->n_transitions && r == 0 && !ferror(out); i++) {
		const struct transition *t = &process->transitions[i];
		const struct callsite *callsite =
			t->callsite < process->n_callsites ? &process->callsites[t->callsite] : NULL;
		const struct symbol *symbols = NULL;

		if (t->callsite && callsite && callsite->n_frames)
			symbolize(symbolizer, process, callsite->frames[0], &symbols);
		fputs(i ? ",\n   {" : "\n   {", out);
		r = json_put_members(out, json_pack("{s:o,s:o,s:o}", "t_s", json_number(t->time_ns / 1e9), "state",
						    json_text(verdict_name(t->state)), "site",
						    json_text(symbols ? symbols->function : NULL)));
		fputc('}', out);
	}
	return r;
}

static int put_process(FILE *out, const struct process *process, size_t most, struct symbolizer *symbolizer,
		       struct json_stacks *stacks)
{
	struct listing listing;
	json_t *complaints;
	int r = listing_init(&listing, process);

	if (r < 0)
		return r;
	r = json_put_members(out, process_json(process, &listing));
	if (r == 0) {
		fputs(",\n  ", out);
		r = json_put_callsites(out, process, &listing, most, stacks);
	}
	if (r == 0) {
		complaints = complaints_json(process, &listing, symbolizer);
		fputs(",\n  ", out);
		r = json_put_members(out, json_pack("{s:o}", "unnamed_modules", complaints));
	}
	if (r == 0) {
		fputs(",\n  \"transitions\":[", out);
		r = put_transitions(out, process, symbolizer);
		fputc(']', out);
	}
	if (r == 0) {
		fputs(",\n  \"samples\":[", out);
		r = put_samples(out, process);
	}
	fputc(']', out);
	listing_fini(&listing);
	return r;
}

int report_json(FILE *out, const struct model *model, const struct report_options *options,
		struct symbolizer *symbolizer)
{
	struct json_stacks *stacks = json_stacks_new(symbolizer);
	const struct process *process;
	size_t most = options->callsites ? options->callsites : SIZE_MAX;
	int r = stacks ? 0 : -ENOMEM;

	fputs("{\"schema\":\"guard-report/1\",\n \"processes\":[", out);
	for (process = model->processes; process && r == 0 && !ferror(out); process = process->hh.next) {
		fputs(process == model->processes ? "\n {" : ",\n {", out);
		r = put_process(out, process, most, symbolizer, stacks);
		fputc('}', out);
	}
	fputs("]}\n", out);
	json_stacks_free(stacks);
	return r;
}
