/*
 * Judging -- the detector over what the sampler sees: the process, and each callsite that has
 * enough live blocks to be worth it.
 *
 * Verdicts are written into the region, so that they outlive the process. Memory: the detector's
 * window, and about 1 KB for a candidate callsite.
 *
 * Context: the sampler thread; judge_reset also where a child begins.
 */
#pragma once
#include "protocol/region.h"
#include <stdbool.h>

/* Takes the sample in. `sums` by callsite, as of the same moment. at_end: the process is about to end. */
void judge_sample(const struct wire_sample *sample, const struct region_cell *sums, uint32_t n_sums, bool at_end);
/* Options have changed. */
void judge_configure(void);
/* A forked child: nothing has been seen yet. */
void judge_reset(void);
