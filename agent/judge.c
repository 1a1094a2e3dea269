/*
 * Judging. See judge.h.
 */
#include "agent/judge.h"
#include "agent/blockmap.h"
#include "agent/callsite.h"
#include "agent/candidates.h"
#include "agent/history.h"
#include "agent/memory.h"
#include "agent/proc.h"
#include "agent/process.h"
#include "agent/store.h"
#include "detector/findings.h"
#include "detector/verdict.h"

#define HOUR 3600e9
#define LAST_WALK_NS UINT64_C(50000000) /* a walk that costs more is not made to end a process */

int judge_hurry;
static struct detector detector __attribute__((aligned(16)));
static struct calendar *const calendar = &detector.calendar;
static void *storage; /* of the detector */
static bool ready, inherited;
static bool walk_wanted, walked_whole;
static uint64_t walk_cost_ns, walk_again_ns, read_again_ns; /* not before this time */

static void mark_births(void)
{
	__atomic_store_n(&blockmap_now.birth, (uint64_t)calendar->birth << 24, __ATOMIC_RELAXED);
}

static bool begin(void)
{
	unsigned taken;

	if (ready)
		return true;
	/* Of the parent's, if there is one: their blocks are in the map. */
	taken = inherited ? calendar->fresh : 0;
	if (!storage && !(storage = memory_map(detector_storage_size(&options))))
		return false;
	detector_init_child(&detector, &options, storage, taken);
	mark_births();
	ready = true;
	return true;
}

void judge_postfork_child(void)
{
	inherited |= ready;
	ready = walk_wanted = walked_whole = false;
	judge_hurry = 0;
	walk_cost_ns = walk_again_ns = read_again_ns = 0;
	candidates_postfork_child();
}

void judge_configure(void)
{
	if (!ready)
		return;
	detector_configure(&detector, &options);
}

/* The time before which as much again would be more than the budget. */
static uint64_t after(uint64_t now_ns, uint64_t cost_ns)
{
	return options.detector_budget > 0 ? now_ns + (uint64_t)((double)cost_ns / options.detector_budget) : now_ns;
}

uint64_t judge_due(void)
{
	if (!ready)
		return UINT64_MAX;
	return calendar->due_ns > read_again_ns ? calendar->due_ns : read_again_ns;
}

void judge_spent(uint64_t cpu_ns)
{
	if (ready)
		read_again_ns = after(calendar->now_ns, cpu_ns);
}

static bool was_read(const struct evidence_row *row, uint32_t epoch)
{
	return row->trough_blocks[epoch] != EVIDENCE_UNREAD;
}

/* The least-squares line through the callsite's troughs of live bytes, one for each whole epoch. */
static struct fit fit_troughs(const struct evidence_row *row)
{
	double n = 0, x = 0, y = 0, xx = 0, xy = 0, yy = 0;
	struct fit fit = {0};

	for (uint32_t i = 0; i < calendar->epoch; i++)
		if (was_read(row, i)) {
			n++;
			x += i;
			y += (double)row->trough_bytes[i];
		}
	for (uint32_t i = 0; i < calendar->epoch; i++) {
		double dx = i - x / n, dy = (double)row->trough_bytes[i] - y / n;

		if (!was_read(row, i))
			continue;
		xx += dx * dx;
		xy += dx * dy;
		yy += dy * dy;
	}
	fit.n = (uint32_t)n;
	if (xx > 0)
		fit.bytes_per_hour = xy / xx * HOUR / (double)calendar_epoch_length(calendar);
	if (xx > 0 && yy > 0)
		fit.r2 = xy / xx * (xy / yy);
	return fit;
}

/* Rule B on that line. */
static void score(const struct evidence_row *row, struct region_callsite *record)
{
	struct fit fit = fit_troughs(row);

	record->score = rule_b_score(&detector.rule_b, &fit);
	record->growth_bytes_per_hour = fit.bytes_per_hour;
	record->r2 = fit.r2;
}

static void publish(struct candidate *c)
{
	struct region_callsite *callsite = callsite_record(c->row.found.callsite);
	struct wire_evidence *told = c->record ? &c->record->evidence : NULL;

	if (callsite) {
		callsite->state = c->row.found.state;
		score(&c->row, callsite);
	}
	if (!told)
		return;
	/* Where the process is killed in between, it is of no callsite. */
	__atomic_store_n(&told->callsite, 0, __ATOMIC_RELEASE);
	*told = c->row.found;
	told->callsite = 0;
	__atomic_store_n(&told->callsite, c->row.found.callsite, __ATOMIC_RELEASE);
}

static void settle(bool at_end)
{
	struct findings *findings = &detector.findings;
	uint32_t n = candidates_count();

	findings_begin(findings, &options, calendar->now_ns, at_end);
	for (uint32_t i = 0; i < n; i++) {
		findings_add(findings, &candidate_at(i)->row.found);
	}
	findings_sift(findings);
	for (uint32_t i = 0; i < n; i++) {
		findings_settle(findings, &candidate_at(i)->row.found, candidate_at(i)->row.live_bytes);
		publish(candidate_at(i));
	}
	__atomic_fetch_add(&store->n_evaluations, 1, __ATOMIC_RELEASE);
}

/* Not at the end, as what a program frees on its way out says nothing; unless the last one was long ago. */
static bool may_walk(bool at_end)
{
	if (at_end)
		return walk_cost_ns <= LAST_WALK_NS && calendar->walk_ns < calendar->now_ns / 8 * 7;
	return walk_wanted && calendar->now_ns >= walk_again_ns;
}

/* A reading of all candidates. */
static void take_reading(uint64_t time_ns, const struct region_cell *sums, uint32_t n_sums)
{
	unsigned what;

	candidates_read(calendar, sums, n_sums);
	what = calendar_tick(calendar, time_ns);
	if (what & CALENDAR_BIRTH)
		mark_births();
	if (what & CALENDAR_EPOCH)
		candidates_enter(calendar, sums, n_sums);
	walk_wanted |= (what & CALENDAR_WALK) != 0;
}

static void walk_and_find(uint64_t time_ns)
{
	uint64_t begun = proc_thread_cpu();

	walked_whole = candidates_walk(calendar, time_ns, &judge_hurry);
	walk_wanted = !walked_whole;
	for (uint32_t i = 0; walked_whole && i < candidates_count(); i++)
		finding_judge(&candidate_at(i)->row, calendar);
	store->detector.walk_cpu_ns = walk_cost_ns = proc_thread_cpu() - begun;
	walk_again_ns = after(time_ns, walk_cost_ns);
}

static void note_cost(uint64_t cpu_ns)
{
	store->detector.cpu_ns += cpu_ns;
	store->detector.candidates = candidates_count();
	store->detector.left_out = candidates_left_out();
	store->detector.walks = calendar->walks;
}

static void watch(uint64_t time_ns, const struct region_cell *sums, uint32_t n_sums, bool at_end)
{
	uint64_t begun = proc_thread_cpu();
	bool walk;

	take_reading(time_ns, sums, n_sums);
	walk = may_walk(at_end);
	if (walk)
		walk_and_find(time_ns);
	if (walk || at_end)
		settle(at_end);
	note_cost(proc_thread_cpu() - begun);
}

void judge_read(uint64_t time_ns, const struct region_cell *sums, uint32_t n_sums)
{
	if (begin())
		watch(time_ns, sums, n_sums, false);
}

static void conclude(bool at_end)
{
	struct wire_verdict verdict;

	detector_verdict(&detector, at_end, &verdict);
	history_set_verdict(&verdict);
}

void judge_mark(uint64_t time_ns, const struct region_cell *sums, uint32_t n_sums)
{
	if (!begin())
		return;
	take_reading(time_ns, sums, n_sums);
	candidates_mark(calendar, sums, n_sums);
	store->detector.marks++;
	settle(false);
	conclude(false);
}

void judge_sample(const struct wire_sample *sample, const struct region_cell *sums, uint32_t n_sums, bool at_end)
{
	if (!begin())
		return;
	detector_sample(&detector, sample);
	watch(sample->time_ns, sums, n_sums, at_end);
	conclude(at_end);
}
