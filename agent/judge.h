/*
 * Judging -- the detector over what is seen of the process and of its callsites.
 *
 * The process's samples go through the rules of detector/verdict.h. Candidate callsites (candidates.h) are read more
 * often, several times an epoch, and their live blocks counted by age once an epoch; what follows from that is in
 * detector/evidence.h. Verdicts are written into the region, so that they outlive the process.
 *
 * Cost: option detector_budget; what would exceed it is done later, which makes epochs longer.
 *
 * Context: whoever has the sampler's turn (look.h).
 */
#pragma once
#include "protocol/region.h"
#include <stdbool.h>

/* Takes the sample in. `sums` by callsite, as of the same moment. at_end: the process is about to end. */
void judge_sample(const struct wire_sample *sample, const struct region_cell *sums, uint32_t n_sums, bool at_end);
/* A reading between two samples, when judge_due() has come. Times are since the process began. */
void judge_read(uint64_t time_ns, const struct region_cell *sums, uint32_t n_sums);
uint64_t judge_due(void);
/* What a look has cost, that had not been made but for the detector. */
void judge_spent(uint64_t cpu_ns);

/* A mark; the verdict that follows from it too. No walk: this may be a thread of the host. */
void judge_mark(uint64_t time_ns, const struct region_cell *sums, uint32_t n_sums);

/* Set while another thread waits for the turn to end the process: a walk over the blocks ends early. */
extern int judge_hurry;

/* Options have changed. */
void judge_configure(void);
/* A forked child: nothing has been seen yet. */
void judge_postfork_child(void);
