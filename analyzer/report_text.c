/*
 * Text -- what a person wants to read, worst first.
 *
 * Sizes are binary units (1 MB is 1,048,576 bytes). Of many processes those with the most to say are told in
 * full, the others in a line each.
 */
#include "analyzer/report.h"
#include "analyzer/text_process.h"
#include "analyzer/words.h"
#include <errno.h>
#include <stdlib.h>

#define DEFAULT_TOP 10
#define PROCESSES_IN_FULL 5
#define PROCESSES_IN_LINES 20

struct ranked {
	const struct process *process;
	struct wire_counts totals;
	int64_t live_bytes, live_blocks;
	unsigned rank; /* 0 is worst */
	size_t order;
};

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
		uint32_t state = process->verdict.state;

		ranked->process = process;
		ranked->totals = process_totals(process);
		ranked->live_bytes = ranked->totals.allocated_bytes - ranked->totals.freed_bytes;
		ranked->live_blocks = ranked->totals.allocated_blocks - ranked->totals.freed_blocks;
		ranked->rank = state == VERDICT_LEAK			     ? 0
			       : state == VERDICT_GROWTH		     ? 1
			       : process->verdict.severity > SEVERITY_NORMAL ? 2
									     : 3;
		ranked->order = (*n)++;
	}
	if (ranking)
		qsort(ranking, *n, sizeof(*ranking), compare_ranked);
	return ranking;
}

static void put_summary(const struct text *t, const struct ranked *ranked)
{
	text_title(t, ranked->process);
	fprintf(t->out, ": %s, ", verdict_name(ranked->process->verdict.state));
	if (ranked->live_blocks > 0)
		text_blocks(t, "live ", ranked->live_bytes > 0 ? ranked->live_bytes : 0, ranked->live_blocks);
	else
		fputs("nothing live", t->out);
	fputc('\n', t->out);
}

int report_text(FILE *out, const struct model *model, const struct report_options *options,
		struct symbolizer *symbolizer)
{
	struct text t = {.out = out, .symbolizer = symbolizer, .color = options->color};
	size_t n, i = 0, in_full;
	struct ranked *ranking = rank_all(model, &n);
	int r = 0;

	if (!ranking)
		return -ENOMEM;
	t.top = options->top ? options->top : DEFAULT_TOP;
	for (; i < n && r == 0; i++) {
		if (n > 1 && ranking[i].rank == 3 && (ranking[i].live_blocks <= 0 || i >= PROCESSES_IN_FULL))
			break;
		if (i)
			fputc('\n', out);
		r = text_process(&t, ranking[i].process);
	}
	in_full = i;
	if (i && i < n && r == 0)
		fputc('\n', out);
	for (; i < n && i < in_full + PROCESSES_IN_LINES && r == 0; i++)
		put_summary(&t, &ranking[i]);
	if (i < n && r == 0)
		fprintf(out, "and %zu more processes\n", n - i);
	if (n == 0)
		fputs("no process was recorded\n", out);
	free(ranking);
	return r;
}
