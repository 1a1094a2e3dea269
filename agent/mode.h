/*
 * The mode in effect -- what a thread does with an allocation, and changing it while the process runs.
 *
 * exact    every block with its stack: the fast path of account.h.
 * counts   every block, none with its stack: one callsite without frames. Totals are exact.
 * sampled  blocks that the sample meets, with their stacks (protocol/sampling.h); the others only shorten a
 *          countdown of the thread's.
 * off      no block. When it is so from the start, the agent is dormant and this file knows nothing of it.
 *
 * In all but exact the thread's table of stacks is the empty one, so that the fast path leads here by itself and
 * costs nothing more in mode exact. Blocks that are live stay what they were when the mode changes: their words stay
 * in the block map, and their frees are counted at their callsites. In sampled and off most blocks have no
 * word, so a free without one is nothing unknown there; a process that was in no other mode knows most of those blocks
 * without a look into the block map (census.h). What the loader allocates is counted exactly in every mode:
 * by those blocks the agent learns that a module goes (modules.h).
 */
#pragma once
#include "agent/thread.h"

/* As the options say; the process has just begun. Context: init. */
void mode_init(void);
/* Another mode, or another sample_bytes; all threads notice at their next allocation. Context: sampler thread. */
void mode_set(uint32_t mode, uint64_t sample_bytes);
/* Options have changed: if the mode's have (true), it is now what they say. Context: sampler thread. */
bool mode_configure(void);
/* Now: enum agent_mode. */
uint32_t mode_now(void);
/* Brings this thread up to date. Context: thread_enter(), its shard is there. */
void mode_thread(struct shard *shard);
/* The agent is dormant: nothing is counted in this thread. Context: any. */
void mode_thread_dormant(void);

/*
 * Mode sampled, and off: a block for which the countdown was not enough. True: it is in the sample, and
 * *sampling says as what. Context: thread_enter().
 */
bool mode_meets(struct shard *shard, uint64_t size, struct wire_sampling *sampling);
/* How far the countdown may go until the thread has to look at the clock (shard->countdown). Context: any. */
void mode_next_stop(struct shard *shard);
