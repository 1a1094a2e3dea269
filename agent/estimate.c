/*
 * Estimates. See estimate.h.
 */
#include "agent/estimate.h"
#include "agent/callsite.h"
#include "agent/memory.h"
#include "agent/store.h"
#include "protocol/sampling.h"

static struct region_cell *estimates;
static double *weights; /* 0: not looked up yet */
static uint32_t n_allocated;

static bool room(uint32_t n)
{
	uint32_t more = n_allocated ? n_allocated : 1024;

	if (n <= n_allocated)
		return true;
	while (more < n)
		more *= 2;
	memory_unmap(estimates, n_allocated * sizeof(*estimates));
	memory_unmap(weights, n_allocated * sizeof(*weights));
	n_allocated = 0;
	estimates = memory_map(more * sizeof(*estimates));
	weights = memory_map(more * sizeof(*weights));
	if (estimates && weights)
		n_allocated = more;
	return n_allocated > 0;
}

static double weight_of(uint32_t id)
{
	const struct region_callsite *c = callsite_record(id);
	struct wire_sampling sampling;

	if (!c)
		return 0;
	if (!(c->flags & STACK_SAMPLED) || !c->sample_bytes)
		return 1;
	sampling = (struct wire_sampling){.sample_bytes = c->sample_bytes, .class = c->class};
	return sampling_weight(&sampling);
}

static uint64_t times(uint64_t count, double weight)
{
	return weight > 1 ? (uint64_t)((double)count * weight + 0.5) : count;
}

const struct region_cell *estimate(const struct region_cell *sums, uint32_t n)
{
	if (!(store->agent.modes & 1u << MODE_SAMPLED) || !room(n))
		return sums;
	for (uint32_t i = 1; i < n; i++) {
		if (weights[i] <= 0)
			weights[i] = weight_of(i);
		estimates[i] = sums[i];
		if (weights[i] > 1) {
			estimates[i].allocated_bytes = times(sums[i].allocated_bytes, weights[i]);
			estimates[i].freed_bytes = times(sums[i].freed_bytes, weights[i]);
		}
	}
	return estimates;
}

struct region_cell estimate_total(const struct region_cell *sums, uint32_t n)
{
	const struct region_cell *all = estimate(sums, n);
	struct region_cell total = {0};

	for (uint32_t i = 1; i < n; i++) {
		double weight = all != sums && weights[i] > 1 ? weights[i] : 1;

		total.allocated_bytes += all[i].allocated_bytes;
		total.freed_bytes += all[i].freed_bytes;
		total.allocated_blocks += times(all[i].allocated_blocks, weight);
		total.freed_blocks += times(all[i].freed_blocks, weight);
	}
	return total;
}
