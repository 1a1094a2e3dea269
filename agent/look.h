/*
 * Looks -- one look at the process: a sample, judged, and told to the analyzer.
 *
 * One at a time: whoever looks has the turn, the sampler thread or the thread that begins or ends the process. It
 * guards the history, the verdicts and the sums that a look is made from.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* The first sample of a process. ask_heap as in proc_sample(). Context: init. */
void look_first(bool ask_heap);
/* A regular one, told if an analyzer listens; it may have asked for it. Context: sampler thread. */
void look_regularly(bool asked);
/* A reading for the detector, between two looks; look_due() is when it wants one (CLOCK_MONOTONIC). */
void look_read(void);
uint64_t look_due(void);
/* All that was seen before, for an analyzer that has just come. Context: sampler thread. */
void look_tell(void);
/*
 * A mark of this name: what is live now is compared with what was at the marks before. Where another looks just now and
 * does not finish within wait_ms, there is none. False then. Context: any but inside a look.
 */
bool look_mark(const char *name, int wait_ms);
/*
 * The last one, judged as of a process that ends, and FINAL. Where another is at it and does not finish within
 * wait_ms, nothing is told: the region says it all. Context: the exiting thread.
 */
void look_last(int wait_ms);

/* In a forked child: nothing has been seen yet, and it is nobody's turn. */
void look_postfork_child(void);
