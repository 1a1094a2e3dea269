/*
 * Estimates -- see estimates.h.
 */
#include "analyzer/estimates.h"
#include "protocol/sampling.h"

#define MOST 4e18 /* what a hostile frame may make of a count */

/* Counts wrap while threads hand blocks around: less than nothing stays so. */
static uint64_t times(uint64_t count, double weight)
{
	double product = (double)(int64_t)count * weight;

	if (product < 0)
		return (uint64_t)(int64_t)(product > -MOST ? product - 0.5 : -MOST);
	return (uint64_t)(product < MOST ? product + 0.5 : MOST);
}

struct wire_counts callsite_counts(const struct callsite *callsite)
{
	struct wire_counts counts = callsite->counts;
	double weight;

	if (!(callsite->flags & STACK_SAMPLED))
		return counts;
	weight = sampling_weight(&callsite->sampling);
	counts.allocated_blocks = times(counts.allocated_blocks, weight);
	counts.allocated_bytes = times(counts.allocated_bytes, weight);
	counts.freed_blocks = times(counts.freed_blocks, weight);
	counts.freed_bytes = times(counts.freed_bytes, weight);
	return counts;
}

static double positive(uint64_t count)
{
	return (int64_t)count > 0 ? (double)count : 0;
}

static void add(double weight, uint64_t blocks, uint64_t bytes, double *of_blocks, double *of_bytes)
{
	double n = positive(blocks);

	*of_blocks += sampling_variance(weight, n, n);
	*of_bytes += sampling_variance(weight, n, positive(bytes));
}

void callsite_add_variances(const struct callsite *callsite, struct variances *v)
{
	const struct wire_counts *c = &callsite->counts;
	double weight;

	if (!(callsite->flags & STACK_SAMPLED))
		return;
	weight = sampling_weight(&callsite->sampling);
	add(weight, c->allocated_blocks, c->allocated_bytes, &v->allocated_blocks, &v->allocated_bytes);
	add(weight, c->freed_blocks, c->freed_bytes, &v->freed_blocks, &v->freed_bytes);
	add(weight, c->allocated_blocks - c->freed_blocks, c->allocated_bytes - c->freed_bytes, &v->live_blocks,
	    &v->live_bytes);
}

void variances_add(struct variances *to, const struct variances *from)
{
	to->live_bytes += from->live_bytes;
	to->live_blocks += from->live_blocks;
	to->allocated_bytes += from->allocated_bytes;
	to->allocated_blocks += from->allocated_blocks;
	to->freed_bytes += from->freed_bytes;
	to->freed_blocks += from->freed_blocks;
}
