/*
 * Replays. See replay.h.
 */
#include "analyzer/replay.h"
#include "analyzer/cleanup.h"
#include "analyzer/ledger.h"
#include "detector/evidence.h"
#include "detector/verdict.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct candidate {
	struct evidence_row row;
	struct series series;
	uint64_t values[]; /* of the window */
};

struct replay {
	const struct options *options;
	struct detector *detector; /* 16-byte aligned, as it wants */
	void *storage;
	struct ledger ledger;
	struct candidate **candidates; /* in order of their entry */
	uint32_t n_candidates, candidates_room;
	uint64_t next_sample_ns;
	bool log_has_samples, walk_wanted;
	uint64_t rss;
	struct process *process;
	uint8_t state; /* of the process, last */
	int result;
};

static void note(struct replay *r, uint32_t callsite, enum verdict_state state)
{
	struct transition transition = {
		.time_ns = r->detector->calendar.now_ns, .callsite = callsite, .state = (uint32_t)state};
	int added = process_add_transition(r->process, &transition);

	if (added < 0)
		r->result = added;
}

static void enter(struct replay *r, uint32_t site)
{
	uint32_t window = r->detector->axis.capacity, room = r->candidates_room ? 2 * r->candidates_room : 64;
	struct candidate *c = malloc(sizeof(*c) + window * sizeof(uint64_t)), **more = r->candidates;

	if (r->n_candidates == r->candidates_room) {
		more = reallocarray(r->candidates, room, sizeof(struct candidate *));
		if (more) {
			r->candidates = more;
			r->candidates_room = room;
		}
	}
	if (!c || !more) {
		free(c);
		r->result = -ENOMEM;
		return;
	}
	evidence_begin(&c->row, &r->detector->calendar, site, &r->ledger.sites.sites[site].counts);
	series_init(&c->series, c->values);
	r->ledger.sites.sites[site].is_candidate = true;
	r->candidates[r->n_candidates++] = c;
}

static void find_candidates(struct replay *r)
{
	for (uint32_t i = 1; i <= r->ledger.sites.n && r->result == 0; i++)
		if (!r->ledger.sites.sites[i].is_candidate && evidence_is_candidate(&r->ledger.sites.sites[i].counts))
			enter(r, i);
}

static void sample(struct replay *r, uint64_t time_ns)
{
	struct wire_sample s = {
		.time_ns = time_ns,
		.rss = r->rss,
		.live_bytes = r->ledger.totals.allocated_bytes - r->ledger.totals.freed_bytes,
		.live_blocks = r->ledger.totals.allocated_blocks - r->ledger.totals.freed_blocks,
		.threads = 1,
	};
	int added;

	added = process_add_sample(r->process, &s);
	if (added < 0)
		r->result = added;
	if (!detector_sample(r->detector, &s))
		return;
	for (uint32_t i = 0; i < r->n_candidates; i++)
		series_push(&r->candidates[i]->series, &r->detector->axis, r->candidates[i]->row.live_bytes);
}

/* The walk: what a walk over the blocks would count, the sites have counted already. */
static void walk(struct replay *r)
{
	struct calendar *calendar = &r->detector->calendar;

	calendar_walk_begin(calendar, calendar->now_ns);
	for (uint32_t i = 0; i < r->n_candidates; i++) {
		struct evidence_row *row = &r->candidates[i]->row;

		evidence_count_begin(row, calendar);
	}
	for (uint32_t i = 0; i < r->n_candidates; i++) {
		struct evidence_row *row = &r->candidates[i]->row;
		const struct site *site = &r->ledger.sites.sites[row->found.callsite];

		for (unsigned birth = 0; birth < CALENDAR_BIRTHS; birth++)
			if (site->alive[birth])
				evidence_count_many(calendar, row, (uint8_t)birth, site->alive[birth],
						    site->alive_bytes[birth]);
	}
	for (uint32_t i = 1; i <= r->ledger.sites.n; i++)
		for (unsigned birth = 0; birth < CALENDAR_BIRTHS && !r->ledger.sites.sites[i].is_candidate; birth++)
			if (r->ledger.sites.sites[i].alive[birth])
				calendar_meet(calendar, (uint8_t)birth);
	calendar_walk_end(calendar);
	for (uint32_t i = 0; i < r->n_candidates; i++)
		evidence_count_end(&r->candidates[i]->row, calendar);
}

static void find(struct replay *r)
{
	for (uint32_t i = 0; i < r->n_candidates; i++)
		finding_judge(&r->candidates[i]->row, &r->detector->calendar);
}

static void judge(struct replay *r, bool at_end)
{
	struct detector *d = r->detector;
	struct wire_verdict verdict;

	findings_begin(&d->findings, r->options, d->calendar.now_ns, at_end);
	for (uint32_t i = 0; i < r->n_candidates; i++)
		findings_add(&d->findings, &r->candidates[i]->row.found);
	findings_sift(&d->findings);
	for (uint32_t i = 0; i < r->n_candidates; i++) {
		struct evidence_row *row = &r->candidates[i]->row;
		uint8_t was = row->found.state;

		if (findings_settle(&d->findings, &row->found, row->live_bytes) != (enum verdict_state)was)
			note(r, row->found.callsite, (enum verdict_state)row->found.state);
	}
	detector_verdict(d, at_end, &verdict);
	r->process->verdict = verdict;
	if (verdict.state != r->state)
		note(r, 0, (enum verdict_state)verdict.state);
	r->state = verdict.state;
}

/* A reading, and new candidates. */
static void read_all(struct replay *r, uint64_t now_ns)
{
	unsigned what;

	for (uint32_t i = 0; i < r->n_candidates; i++) {
		struct evidence_row *row = &r->candidates[i]->row;

		evidence_read(row, &r->detector->calendar, &r->ledger.sites.sites[row->found.callsite].counts);
	}
	what = calendar_tick(&r->detector->calendar, now_ns);
	if (what & CALENDAR_EPOCH)
		find_candidates(r);
	r->walk_wanted |= (what & CALENDAR_WALK) != 0;
}

static void look(struct replay *r, uint64_t now_ns)
{
	read_all(r, now_ns);
	if (!r->walk_wanted)
		return;
	r->walk_wanted = false;
	walk(r);
	find(r);
	judge(r, false);
}

/* As in the agent: no walk, since there it may be a thread of the program. */
static void mark(struct replay *r, uint64_t now_ns)
{
	read_all(r, now_ns);
	for (uint32_t i = 1; i <= r->ledger.sites.n && r->result == 0; i++) {
		struct site *site = &r->ledger.sites.sites[i];
		const struct region_cell *counts = &site->counts;

		if (mark_site_note(&site->marks, counts->allocated_blocks - counts->freed_blocks,
				   counts->allocated_bytes - counts->freed_bytes) &&
		    !site->is_candidate)
			enter(r, i);
	}
	for (uint32_t i = 0; i < r->n_candidates; i++) {
		struct wire_evidence *found = &r->candidates[i]->row.found;

		mark_site_tell(&r->ledger.sites.sites[found->callsite].marks, found);
	}
	judge(r, false);
}

/* Everything the sampler does until this moment and at it. */
static void advance(struct replay *r, uint64_t to_ns)
{
	struct calendar *calendar = &r->detector->calendar;

	while (r->result == 0) {
		uint64_t next = calendar->due_ns;

		if (!r->log_has_samples && r->next_sample_ns < next)
			next = r->next_sample_ns;
		if (next > to_ns)
			break;
		if (next == r->next_sample_ns && !r->log_has_samples) {
			sample(r, next);
			r->next_sample_ns += r->options->interval;
		}
		if (next == calendar->due_ns)
			look(r, next);
	}
}

static void apply(struct replay *r, const struct event *event, const char **error)
{
	int taken;

	switch (event->kind) {
	case 'a':
	case 'f':
	case 'r':
		taken = ledger_take(&r->ledger, event, r->detector->calendar.birth, error);
		if (taken < 0)
			r->result = taken;
		break;
	case 'k':
		mark(r, event->time_ns);
		break;
	case 'm':
		r->rss = event->bytes;
		sample(r, event->time_ns);
	}
}

static int begin(struct replay *r, struct model *model, const char *name)
{
	r->process = model_process(model, 1);
	r->detector = aligned_alloc(16, (sizeof(*r->detector) + 15) & ~(size_t)15);
	r->storage = malloc(detector_storage_size(r->options));
	if (!r->process || !r->detector || !r->storage)
		return -ENOMEM;
	detector_init(r->detector, r->options, r->storage);
	free(r->process->exe);
	r->process->exe = strdup(name);
	return r->process->exe ? 0 : -ENOMEM;
}

static void end(struct replay *r, uint64_t now_ns)
{
	if (!r->log_has_samples)
		sample(r, now_ns);
	r->detector->calendar.now_ns = now_ns;
	judge(r, true);
	r->process->end = (struct wire_end){.how = END_EXIT, .time_ns = now_ns};
	r->process->final_state = FINAL_AGENT;
	r->process->agent = (struct wire_agent){.unwinder = UNWINDER_LIBUNWIND,
						.peak_live_bytes = r->ledger.peak_live,
						.unknown_frees = r->ledger.unknown_frees};
}

/* The sites become callsites of one frame each, and the names functions of no module. */
static int tell_sites(struct replay *r)
{
	uint32_t n = r->ledger.sites.n + 1;
	struct process *process = r->process;

	process->callsites = calloc(n, sizeof(*process->callsites));
	process->functions = calloc(n, sizeof(*process->functions));
	if (!process->callsites || !process->functions)
		return -ENOMEM;
	process->n_callsites = process->n_functions = n;
	for (uint32_t i = 1; i < n; i++) {
		struct callsite *callsite = &process->callsites[i];
		const struct region_cell *counts = &r->ledger.sites.sites[i].counts;

		process->functions[i] = r->ledger.sites.sites[i].name;
		r->ledger.sites.sites[i].name = NULL; /* given away */
		callsite->frames = malloc(sizeof(*callsite->frames));
		if (!callsite->frames)
			return -ENOMEM;
		callsite->frames[0] = i;
		callsite->n_frames = 1;
		callsite->counts = (struct wire_counts){i,
							0,
							counts->allocated_blocks,
							counts->allocated_bytes,
							counts->freed_blocks,
							counts->freed_bytes};
		callsite->verdict.callsite = i;
		callsite->verdict.state =
			process->verdict.state == VERDICT_INCONCLUSIVE ? VERDICT_INCONCLUSIVE : VERDICT_STABLE;
	}
	return 0;
}

static void tell_candidates(struct replay *r)
{
	for (uint32_t i = 0; i < r->n_candidates; i++) {
		const struct candidate *c = r->candidates[i];
		struct callsite *callsite = &r->process->callsites[c->row.found.callsite];

		detector_callsite(r->detector, &c->series, c->row.found.callsite, true, &callsite->verdict);
		detector_callsite_evident(&callsite->verdict, &c->row.found);
		callsite->evidence = c->row.found;
	}
}

static void finish(struct replay *r)
{
	for (uint32_t i = 0; i < r->n_candidates; i++)
		free(r->candidates[i]);
	free(r->candidates);
	free(r->storage);
	free(r->detector);
	ledger_fini(&r->ledger);
}

int replay_log(struct model *model, const struct options *options, const char *name, const char *text, size_t length,
	       uint64_t *line, const char **error)
{
	struct replay r = {.options = options, .log_has_samples = eventlog_has_samples(text, length)};
	struct eventlog log;
	struct event event;

	eventlog_init(&log, text, length);
	r.result = begin(&r, model, name);
	while (r.result == 0 && eventlog_next(&log, &event)) {
		advance(&r, event.time_ns);
		apply(&r, &event, &log.error);
	}
	*error = log.error;
	*line = log.line;
	if (r.result == 0 && log.error)
		r.result = -EBADMSG;
	if (r.result == 0) {
		end(&r, log.time_ns);
		r.result = r.result == 0 ? tell_sites(&r) : r.result;
	}
	if (r.result == 0)
		tell_candidates(&r);
	finish(&r);
	return r.result;
}
