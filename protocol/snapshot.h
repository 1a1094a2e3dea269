/*
 * Snapshots -- a region, told as frames.
 *
 * One encoder for both sides: the agent's sampler thread tells its own region to the socket; the
 * analyzer tells the region of a dead or silent process to itself. Pure: reads the region view,
 * writes through the frame builder. False, and nothing is written, when the view is no region (region_check).
 */
#pragma once
#include "protocol/frame.h"
#include "protocol/region.h"

/* What the receiver has been told, so that a snapshot tells only what is new. Zeroed: nothing. */
struct snapshot_state {
	uint64_t record_offset;	  /* records before this one have been told */
	uint64_t sample_time;	  /* samples up to this time have been told, ns */
	uint32_t n_evaluations;	  /* verdicts on callsites and their evidence as of this one have been told */
	struct region_cell *told; /* last counts told, by callsite; NULL: tell all */
	uint32_t n_told;
};

/* HELLO: who the process is (WIRE_PROCESS, WIRE_AGENT, the options as WIRE_TEXT). The caller has called frame_init. */
bool snapshot_hello(struct frame_builder *b, const struct region_view *view);

/*
 * A SNAPSHOT or FINAL (`type`): agent, verdict, end (when set in the region), modules and stacks
 * after state->record_offset, samples after state->sample_time, counts that differ from
 * state->told, verdicts of callsites and their evidence when there are new ones. `sums` are region_sum's. Updates the
 * state when the builder took everything; on a refusal it zeroes it, so that the next snapshot is full. A zeroed state
 * makes it full (FRAME_FULL). extra_flags: FRAME_POST_MORTEM, FRAME_ANSWER or 0.
 */
bool snapshot_encode(struct frame_builder *b, const struct region_view *view, uint16_t type, uint16_t extra_flags,
		     const struct region_cell *sums, uint32_t n_sums, struct snapshot_state *state);
