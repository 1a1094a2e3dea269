/*
 * Findings -- the tests on a callsite's evidence, and the verdict that follows.
 *
 * t is the age judged, as of the last walk. The troughs m are those of the whole epochs after the first quarter;
 * mature are the cohorts born after the first quarter and at least t/4 old, S of their A blocks are alive.
 *
 *   E1  Mann and Kendall's z of m is 2.9 or more (for all of them, or the least of 12 or 8 groups), and m rises by 8
 *   E2  S is 8 blocks and 512 bytes or more, some of them of the later half
 *   E3  no single rise of m is more than half of all, and the survivors come in more than a few bursts
 *   E4  of the blocks that were old at 7t/8 at most 10 % were freed since. Where a share stays: clearly less than if
 *       blocks lived without memory; and blocks die young: of the births after the mature ones a third more have died
 *       than where blocks die at any age alike, or the others may only be waiting for their turn
 *   E5  the later half's S is not clearly below 0.75 of the earlier half's, per time and per birth; where nearly all
 *       survive, the births since the first quarter are not clearly as early as a logarithm's
 *   E6  the last quarter rises by 0.4 of what S / A promises, or more; and where old blocks alone rise, the number of
 *       all live blocks does not stand still
 *
 * Passed, a callsite that keeps less than 0.9 of what it allocates is a leak, one that keeps more is growth.
 * The byte channel finds growth where blocks are few and grow: the trough of live bytes rises over the last
 * eighth, quarter and half of t with an exponent of 0.35 or more (a line has 1, a root 0.5, a logarithm 0), in
 * 3 steps or more, and goes on rising.
 *
 * What of it becomes a verdict, findings.h says.
 *
 * Context: any, one thread at a time; pure. Cost: 2 us a callsite, 20 where there is something to be found.
 */
#pragma once
#include "detector/evidence.h"
#include "protocol/wire.h"

/* Never renumber: recordings hold these. */
enum finding_kind {
	FINDING_YOUNG = 0,    /* too few epochs */
	FINDING_FLAT,	      /* troughs do not rise */
	FINDING_MINOR,	      /* they do, but it is too little to matter */
	FINDING_LOAD,	      /* live blocks rise, none of them is old: they follow the load */
	FINDING_TURNOVER,     /* old blocks go on being freed: sessions, queues, a full cache */
	FINDING_STEP,	      /* one single rise */
	FINDING_DECELERATING, /* survivors get fewer: warm-up */
	FINDING_PLATEAU,      /* the last quarter does not rise: a cache that is full */
	FINDING_LEAK,	      /* a share of the blocks is never freed */
	FINDING_GROWTH,	      /* nothing is ever freed */
	FINDING_BYTES,	      /* few blocks, but they grow without end */
	N_FINDINGS,
};

/* Applies the tests: fills row->found, all but state, in_a_row and marks. */
void finding_judge(struct evidence_row *row, const struct calendar *calendar);

/* What `finding` is while nothing is held back. */
enum verdict_state finding_state(const struct wire_evidence *found);
/* How sure: 1 less the p-value of the trend, 0 where nothing is said. */
double finding_confidence(const struct wire_evidence *found);
/* Wilson's 95 % interval of survivors / births. */
void finding_share(const struct wire_evidence *found, double *share, double *low, double *high);
/* Why, in codes for reason.h: fills `reasons`, of n, the rest zeroed. age_ns and hold_ns: of the process. */
void finding_reasons(const struct wire_evidence *found, uint64_t age_ns, uint64_t hold_ns, struct wire_reason *reasons,
		     unsigned n);
