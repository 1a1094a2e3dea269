/*
 * Findings -- those of all callsites together, and what becomes a verdict.
 *
 * False discoveries: over the callsites that have survivors, Benjamini and Hochberg's procedure keeps their share below
 * 1 %. On a running process E7 applies: its age is `hold` or more, and two evaluations in a row say so. At its end
 * neither is asked for. What the marks say (marks.h) is never held back.
 *
 *   findings_begin; for each row: finding_judge, findings_add; findings_sift; for each row: findings_settle
 *
 * Context: any, one thread at a time; pure. Cost: nanoseconds a callsite.
 */
#pragma once
#include "detector/finding.h"
#include "protocol/options.h"

#define FINDINGS_BINS 80u

struct findings {
	bool made; /* findings_begin was called */
	bool at_end;
	uint64_t age_ns, hold_ns;
	uint32_t n_candidates;		   /* that have survivors */
	uint32_t by_z[FINDINGS_BINS];	   /* of these: by z, in tenths from TREND_Z on */
	double z_cut;			   /* what is below may be a false discovery */
	uint32_t n_judged;		   /* callsites of which something is said */
	uint32_t n_marked;		   /* of those that leak or grow, by their marks alone */
	double bytes_per_mark;		   /* of these */
	uint32_t n_suspects;		   /* would be leak or growth if nothing were held back */
	uint32_t n[N_VERDICTS];		   /* callsites by state */
	double bytes_per_hour[N_VERDICTS]; /* of these */
	uint64_t live_bytes[N_VERDICTS];   /* of these */
	double p_value;			   /* the greatest of those called leak or growth */
};

/* age_ns: how long the process has been judged. at_end: it has ended or is about to. */
void findings_begin(struct findings *findings, const struct options *options, uint64_t age_ns, bool at_end);
void findings_add(struct findings *findings, const struct wire_evidence *found);
void findings_sift(struct findings *findings);
/* The verdict on the callsite: found->state; it counts among the findings. */
enum verdict_state findings_settle(struct findings *findings, struct wire_evidence *found, uint64_t live_bytes);
