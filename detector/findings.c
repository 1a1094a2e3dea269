/*
 * Findings of all callsites. See findings.h.
 */
#include "detector/findings.h"
#include "detector/elementary.h"
#include "detector/marks.h"
#include "detector/thresholds.h"

void findings_begin(struct findings *findings, const struct options *options, uint64_t age_ns, bool at_end)
{
	*findings = (struct findings){.made = true, .at_end = at_end, .age_ns = age_ns, .hold_ns = options->hold};
}

void findings_add(struct findings *findings, const struct wire_evidence *found)
{
	double bin = (found->z - TREND_Z) * 10;

	if (!(found->survivors >= SURVIVOR_BLOCKS))
		return;
	findings->n_candidates++;
	if (bin >= 0)
		findings->by_z[bin < FINDINGS_BINS ? (unsigned)bin : FINDINGS_BINS - 1]++;
}

/* Of n candidates n p(z) reach z by chance; the least z at which that is few enough of those which do is the cut. */
void findings_sift(struct findings *findings)
{
	uint32_t reach = 0;

	findings->z_cut = TREND_Z + FINDINGS_BINS / 10.0;
	for (unsigned i = FINDINGS_BINS; i-- > 0;) {
		double z = TREND_Z + i / 10.0;

		reach += findings->by_z[i];
		if (elementary_normal_tail(z) * findings->n_candidates <= DISCOVERY_RATE * reach)
			findings->z_cut = z;
	}
}

static bool is_bad(enum verdict_state state)
{
	return state == VERDICT_LEAK || state == VERDICT_GROWTH;
}

static enum verdict_state hold_back(struct findings *findings, const struct wire_evidence *found,
				    enum verdict_state state)
{
	if (findings->at_end || !is_bad(state))
		return state;
	if (findings->age_ns >= findings->hold_ns && found->in_a_row >= CONSECUTIVE)
		return state;
	findings->n_suspects++;
	return VERDICT_INCONCLUSIVE;
}

enum verdict_state findings_settle(struct findings *findings, struct wire_evidence *found, uint64_t live_bytes)
{
	enum verdict_state state = finding_state(found);

	if (is_bad(state) && found->finding != FINDING_BYTES && found->z < findings->z_cut)
		state = VERDICT_INCONCLUSIVE;
	if (!is_bad(state))
		found->in_a_row = 0;
	else if (found->in_a_row < UINT8_MAX)
		found->in_a_row++;
	state = hold_back(findings, found, state);
	if (!is_bad(state) && marks_state(found) != VERDICT_INCONCLUSIVE) {
		state = marks_state(found);
		findings->n_marked++;
		findings->bytes_per_mark += found->bytes_per_mark;
	}
	found->state = (uint8_t)state;
	findings->n_judged += found->finding != FINDING_YOUNG;
	findings->n[state]++;
	findings->bytes_per_hour[state] += found->bytes_per_hour;
	findings->live_bytes[state] += live_bytes;
	if (is_bad(state) && found->p_value > findings->p_value)
		findings->p_value = found->p_value;
	return state;
}
