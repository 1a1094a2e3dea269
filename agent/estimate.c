/*
 * Estimates. See estimate.h.
 */
#include "agent/estimate.h"
#include "agent/callsite.h"
#include "agent/memory.h"
#include "agent/store.h"
#include "protocol/sampling.h"

static struct memory_array estimates; /* of struct region_cell */
static struct memory_array weights;   /* of double; 0: not looked up yet */

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
	struct region_cell *all;
	double *weight;

	if (!(store->agent.modes & 1u << MODE_SAMPLED) || !memory_room(&estimates, n, sizeof(*all)) ||
	    !memory_room(&weights, n, sizeof(*weight)))
		return sums;
	all = estimates.base;
	weight = weights.base;
	for (uint32_t i = 1; i < n; i++) {
		if (weight[i] <= 0)
			weight[i] = weight_of(i);
		all[i] = sums[i];
		if (weight[i] > 1) {
			all[i].allocated_bytes = times(sums[i].allocated_bytes, weight[i]);
			all[i].freed_bytes = times(sums[i].freed_bytes, weight[i]);
		}
	}
	return all;
}

struct region_cell estimate_total(const struct region_cell *sums, uint32_t n)
{
	const struct region_cell *all = estimate(sums, n);
	const double *weight_of_each = weights.base;
	struct region_cell total = {0};

	for (uint32_t i = 1; i < n; i++) {
		double weight = all != sums && weight_of_each[i] > 1 ? weight_of_each[i] : 1;

		total.allocated_bytes += all[i].allocated_bytes;
		total.freed_bytes += all[i].freed_bytes;
		total.allocated_blocks += times(all[i].allocated_blocks, weight);
		total.freed_blocks += times(all[i].freed_blocks, weight);
	}
	return total;
}
