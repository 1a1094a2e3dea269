/*
 * Estimates -- counts of a sample as what they stand for (protocol/sampling.h), for the sampler thread's own use.
 *
 * What is told and kept in the region are the plain counts. Cost: nothing while no block was ever sampled; else 40
 * bytes a callsite, and a multiplication each.
 */
#pragma once
#include "protocol/region.h"

/*
 * The sums of n callsites, in which the bytes of samples are weighted and rounded, while blocks are those that were
 * sampled: as many as the block map holds, whose ages the detector compares with them. Where nothing was sampled or
 * memory is short, the sums themselves. Valid until the next time. Context: whose turn it is to look (look.h).
 */
const struct region_cell *estimate(const struct region_cell *sums, uint32_t n);
/* All n callsites together, blocks weighted too. Context: as above. */
struct region_cell estimate_total(const struct region_cell *sums, uint32_t n);
