/*
 * The sampler thread -- looks at the process now and then, judges, and tells the analyzer.
 *
 * It starts late: a thread makes a single-threaded host slower and makes some calls fail. All signals are blocked
 * in it, its stack is small, and nothing waits for it when the process ends. It has a table of descriptors
 * of its own, so that what it opens never takes a number from the host.
 */
#pragma once
#include "agent/thread.h"

/*
 * Called when a thread's countdown ends: sets the next one; starts the thread when it is time, the
 * process may have threads, and the caller is not inside the loader or the thread library.
 * Context: thread_enter().
 */
void sampler_consider(struct shard *shard, const struct frame *frame);

/*
 * Ends the thread for good and waits until it is gone, a second at the most: a filter for all threads is about
 * to come, or the main thread ends and the host's last thread shall be the process's. Context: any.
 */
void sampler_stop(void);

/*
 * Ends the thread as sampler_stop() does, but a new one may start after start_delay: the host is about to change its
 * privileges (privileges.h). Context: any, thread.busy set.
 */
void sampler_pause(void);

/* In a forked child: there is no thread, and a history of its own begins. */
void sampler_postfork_child(void);
