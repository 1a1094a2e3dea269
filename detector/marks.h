/*
 * Marks -- ends of iterations of a test, or of requests of a service: what is live at one should be live at the next.
 *
 * A callsite that has more live blocks at each of the last MARKS_IN_A_ROW marks than at the one before, or more live
 * bytes, grows with the iterations, even by a single block each; before the first mark there was nothing. The growth
 * has to be steady: no step may be less than a quarter of the mean one (the first, which has the warm-up in it, does
 * not count), and bytes alone have to rise by 512.
 *
 * Where there is other evidence (finding.h) that no block of the callsite gets old, or that the old ones die, the marks
 * say nothing. They never say more than growth: what share of its blocks a callsite keeps, other evidence shows.
 *
 * Context: any, one thread at a time; pure. Memory: 40 bytes a callsite. Cost: nanoseconds a callsite and mark.
 */
#pragma once
#include "protocol/wire.h"
#include <stdbool.h>

/* Of one callsite, zeroed to begin; blocks and bytes each have a row of marks of their own. */
struct mark_row {
	uint64_t last, first; /* at the last mark, and at the first of the row */
	uint32_t least;	      /* step, saturated */
	uint32_t n;	      /* marks in a row, each of which met more than the one before */
};
struct mark_site {
	struct mark_row blocks, bytes;
};

/* A mark, at which the callsite has so many live blocks and bytes. True: it has grown at enough of them. */
bool mark_site_note(struct mark_site *site, uint64_t live_blocks, uint64_t live_bytes);
/* Puts what the marks say into the evidence. */
void mark_site_tell(const struct mark_site *site, struct wire_evidence *found);
/* The verdict that the marks give, whatever the age of the process; INCONCLUSIVE: none. */
enum verdict_state marks_state(const struct wire_evidence *found);
