/*
 * Text -- what a person wants to read, worst first.
 *
 * Sizes are binary units (1 MB is 1,048,576 bytes). Of many processes those with the most to say are told in
 * full, the others in a line each.
 */
#include "analyzer/exactness.h"
#include "analyzer/report.h"
#include "analyzer/text_process.h"
#include "analyzer/words.h"
#include <errno.h>
#include <stdlib.h>

#define DEFAULT_TOP 10
#define INNOCENT 3	    /* callsites that hold most, where fewer leak or grow */
#define TOP_AMONG_OTHERS 3  /* of processes in order, when there are several */
#define PROCESSES_IN_FULL 3 /* at the most, unless something is wrong with them */
#define PROCESSES_IN_LINES 20

enum rank { RANK_LEAK, RANK_GROWTH, RANK_WARNING, RANK_FIRST, RANK_OTHER, RANK_REPLACED };

struct ranked {
	const struct process *process;
	struct wire_counts totals;
	int64_t live_bytes, live_blocks;
	enum rank rank;
	size_t order;
};

static enum rank rank_of(const struct process *process, bool leads)
{
	if (process->verdict.state == VERDICT_LEAK)
		return RANK_LEAK;
	if (process->verdict.state == VERDICT_GROWTH)
		return RANK_GROWTH;
	if (process->verdict.severity > SEVERITY_NORMAL)
		return RANK_WARNING;
	if (process->end.how == END_EXEC)
		return RANK_REPLACED; /* what it held went with it */
	return leads ? RANK_FIRST : RANK_OTHER;
}

static int compare_ranked(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	if (x->live_bytes != y->live_bytes)
		return x->live_bytes > y->live_bytes ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

/* All processes, worst first, to be freed; NULL when out of memory. */
static struct ranked *rank_all(const struct model *model, size_t *n)
{
	struct ranked *ranking = calloc(HASH_COUNT(model->processes) + 1, sizeof(*ranking));
	const struct process *process;

	*n = 0;
	for (process = model->processes; ranking && process; process = process->hh.next) {
		struct ranked *ranked = &ranking[*n];

		ranked->process = process;
		ranked->totals = process_totals(process);
		ranked->live_bytes = ranked->totals.allocated_bytes - ranked->totals.freed_bytes;
		ranked->live_blocks = ranked->totals.allocated_blocks - ranked->totals.freed_blocks;
		ranked->rank = rank_of(process, *n == 0 && ranked->live_blocks > 0);
		ranked->order = (*n)++;
	}
	if (ranking)
		qsort(ranking, *n, sizeof(*ranking), compare_ranked);
	return ranking;
}

static void put_summary(const struct text *t, const struct ranked *ranked)
{
	struct exactness exactness;

	text_title(t, ranked->process);
	if (ranked->process->agent.dormant) {
		exactness_judge(&exactness, ranked->process);
		fprintf(t->out, ": %s\n", exactness.reasons[0]);
		return;
	}
	fprintf(t->out, ": %s, ", verdict_name(ranked->process->verdict.state));
	if (ranked->live_blocks > 0)
		text_blocks(t, "live ", ranked->live_bytes > 0 ? ranked->live_bytes : 0, ranked->live_blocks);
	else
		fputs("nothing live", t->out);
	fputc('\n', t->out);
}

static bool is_told_in_full(const struct ranked *ranked, size_t i, size_t n)
{
	return n == 1 || ranked->rank <= RANK_WARNING ||
	       (ranked->rank < RANK_REPLACED && ranked->live_blocks > 0 && i < PROCESSES_IN_FULL);
}

int report_text(FILE *out, const struct model *model, const struct report_options *options,
		struct symbolizer *symbolizer)
{
	struct text t = {.out = out, .symbolizer = symbolizer, .color = options->color};
	size_t n, i, n_lines = 0;
	struct ranked *ranking = rank_all(model, &n);
	int r = 0;

	if (!ranking)
		return -ENOMEM;
	for (i = 0; i < n && n_lines < PROCESSES_IN_LINES && r == 0; i++) {
		if (!is_told_in_full(&ranking[i], i, n)) {
			put_summary(&t, &ranking[i]);
			n_lines++;
			continue;
		}
		t.top = n > 1 && ranking[i].rank > RANK_WARNING ? TOP_AMONG_OTHERS : DEFAULT_TOP;
		t.innocent = INNOCENT;
		t.brief = !options->top;
		if (options->top)
			t.top = t.innocent = options->top;
		r = text_process(&t, ranking[i].process);
		if (i + 1 < n)
			fputc('\n', out);
	}
	if (i < n && r == 0)
		fprintf(out, "and %zu more processes\n", n - i);
	if (n == 0)
		fputs("no process was recorded\n", out);
	free(ranking);
	return r;
}
