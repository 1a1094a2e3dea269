/*
 * The process's state that every hook looks at: one word, `epoch`, on a page of its own.
 *
 * The page is under MADV_WIPEONFORK: a forked child, however it was made, reads 0 there, a vfork
 * child or a clone that shares memory reads the parent's value. A thread may take the fast path
 * while its own copy equals the process's; everything rare (not started yet, a new thread, a
 * forked child, a module unloaded, the mode changed) makes them differ, so it costs one compare. What is wiped with it
 * is what a child must not believe before it has begun.
 *
 *   0  not started, or a forked child that has not begun a life of its own
 *   1  never: what a new thread's copy begins with
 *   2  dormant: the agent only passes through, for the rest of the process
 *   3+ counting; each change that threads must notice adds 1
 */
#pragma once
#include "agent/compiler.h"
#include "protocol/options.h"
#include "protocol/region.h"

#define EPOCH_NONE 0u
#define EPOCH_THREAD_NEW 1u
#define EPOCH_DORMANT 2u
#define EPOCH_FIRST 3u

struct process_page {
	uint32_t epoch;
	uint32_t beginning;    /* a forked child's life has begun or is being begun, by one of its threads */
	const uint8_t *census; /* NULL: there is none to believe (census.h) */
	char padding[4080];
};
extern struct process_page process_page guard_hidden;

guard_inline uint32_t process_epoch(void)
{
	return __atomic_load_n(&process_page.epoch, __ATOMIC_ACQUIRE);
}

/* Makes every thread look once at what changed. Context: any. */
guard_inline void process_epoch_advance(void)
{
	__atomic_fetch_add(&process_page.epoch, 1, __ATOMIC_ACQ_REL);
}

/* Set once at the start; SET changes single fields of it later (each is one aligned word). */
extern struct options options;

/*
 * The host has entered a seccomp sandbox. With a filter the agent makes no thread, opens no file and no
 * socket any more; in strict mode it makes no system call at all but those malloc makes anyway.
 */
enum sandbox { SANDBOX_NONE = 0, SANDBOX_FILTER, SANDBOX_STRICT };
extern enum sandbox process_sandbox;

/* What the region says was lost, see enum lost_flags; dropped: and a record with it. Context: any. */
void process_lost(uint32_t flag);
void process_dropped(uint32_t flag);
