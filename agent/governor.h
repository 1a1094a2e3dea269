/*
 * The governor -- keeps the agent's own cost within overhead_budget, a share of the process's CPU time.
 *
 * The cost is the sampler thread's CPU time and the hooks'. That of the hooks is measured: in modes exact and counts
 * each TIMED_EVERY-th allocation of a thread goes through the slow path. A stack that is not remembered is timed there
 * as it is unwound, by the time stamp counter; of one that is, the same work is repeated and timed some times, and so
 * is that of the free. Their means are taken for all allocations and frees that the counters have. In mode sampled each
 * entry of the slow path is timed, and for the other blocks counts what the same instructions take in a loop. What
 * lasted as long as a change of threads is left out. Not seen are the way into the hook and out of it, and misses of
 * the caches; the processor overlaps less of what is repeated. The figure is good to a factor of two.
 *
 * Above the budget for TICKS_DOWN looks in a row it goes one step down: exact, sampled, eight and 64 times the
 * sample_bytes, counts. Where the mode of the options would cost half the budget for many looks in a row it goes
 * back there; each time it takes twice as many, so that it does not swing. Each step is an EVENT, and a reason in the
 * report. All of it is nothing while overhead_budget is off.
 */
#pragma once
#include "agent/thread.h"

#define TIMED_EVERY 1021u

/* A look at the process has been made; `total` of all callsites as estimate_total() says. Context: sampler thread. */
void governor_look(const struct region_cell *total);
/* Options have changed, the mode's maybe too. Context: sampler thread. */
void governor_configure(bool mode_changed);
void governor_postfork_child(void);

/* This thread's next allocation shall be timed. Context: thread_enter(), not nested. */
void governor_time_next(struct shard *shard);
/* The allocation that begins now is one: its clock. Context: thread_enter(). */
uint64_t governor_begin(struct shard *shard, uintptr_t sp);
/* It has been counted. Context: thread_enter(). */
void governor_end(struct shard *shard, uint64_t begun, uintptr_t sp, uintptr_t block);

/* What to do after a look. */
enum governor_step { GOVERNOR_STAY = 0, GOVERNOR_DOWN, GOVERNOR_UP };
struct governor_watch {
	uint32_t above, below, patience;
};
/*
 * share: what the agent costs; asked: what it would in the mode of the options, negative where it is in that. Pure.
 */
enum governor_step governor_decide(struct governor_watch *watch, double share, double asked, double budget);
/* The mode and sample_bytes so many steps below those of the options. False: there is no such step. Context: any. */
bool governor_mode(uint32_t level, uint32_t *mode, uint64_t *sample_bytes);
