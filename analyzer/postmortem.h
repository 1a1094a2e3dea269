/*
 * Post-mortem -- the state of a process that is gone or silent, from its region.
 *
 * The region is read into memory of ours, never mapped: it may change at any time, and reading a hole
 * through a mapping would allocate it. What was read is told as frames like an agent's own.
 */
#pragma once
#include "protocol/frame.h"
#include "protocol/region.h"

struct region_copy {
	struct region_view view;
	unsigned char *bytes;
	struct region_cell *sums;
	uint32_t n_sums;
};

/* Is this descriptor a memfd that can neither shrink nor grow? */
bool region_is_sealed(int memfd);
/* Reads the region and sums its counters. 0, -EBADMSG when it is none, -ENOMEM. */
int region_copy_read(struct region_copy *copy, int memfd);
void region_copy_fini(struct region_copy *copy);

/* Says in the copy how the process ended. */
void region_copy_end(struct region_copy *copy, const struct wire_end *end);
/* Adds a sample taken now from /proc/PID to the copy's history. */
void region_copy_sample(struct region_copy *copy, int pid);

/*
 * Tells the copy to the sink as frames of `stream`: HELLO first when asked, then a full snapshot of this
 * type, both marked FRAME_POST_MORTEM. 0, or -EIO when the sink refused one.
 */
int region_copy_tell(const struct region_copy *copy, uint64_t stream, uint16_t type, bool hello, frame_sink sink,
		     void *context);
/* When there is no region: only how the process ended. */
int postmortem_tell_end(uint64_t stream, const struct wire_end *end, frame_sink sink, void *context);
