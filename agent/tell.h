/*
 * Telling -- what goes to the analyzer and when: HELLO, snapshots, events, the last words.
 *
 * Context: each takes link_lock() itself; init, sampler thread, or the exiting one. Nothing blocks
 * longer than the milliseconds it is given.
 */
#pragma once
#include "agent/sums.h"
#include <stdbool.h>

/* Connects if need be and says HELLO, handing over the region's memfd (-1: it cannot be had). */
bool tell_hello(int region_fd);
/* All that is new since the last snapshot, with these counts. type: FRAME_SNAPSHOT or FRAME_FINAL; flags: FRAME_ANSWER.
 */
bool tell_snapshot(uint16_t type, uint16_t flags, const struct sums *sums, int wait_ms);
/* One EVENT with its text. */
void tell_event(uint32_t kind, uint32_t value, const char *text);
/* The next snapshot is a full one: nothing is known of what arrived. */
void tell_forget(void);
