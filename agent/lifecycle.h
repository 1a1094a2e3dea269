/*
 * Lifecycle -- start, fork, sandbox, exit: the moments when the process changes.
 */
#pragma once
#include "agent/process.h"
#include <stdbool.h>

struct frame;

/*
 * Starts the agent as far as can be here: see lifecycle.c. frame: the hook's caller; NULL: our constructor.
 * False: not yet, or dormant. Context: thread.busy is BUSY_AGENT; any, before there is a second thread.
 */
bool lifecycle_begin(const struct frame *frame);
/* It has begun; a wiped epoch then means a forked child. Context: any. */
bool lifecycle_started(void);
/* Both stages are done. Context: any. */
bool lifecycle_is_whole(void);

/*
 * In a forked child at its first heap call (or exit): a region of its own, with the counts it inherited.
 * False: that failed, the agent is dormant here. Context: the child's only thread; async-signal-safe.
 */
bool lifecycle_begin_child(void);

/* The process says how it ends: its last words are written, nothing waits. Context: any; async-signal-safe. */
void lifecycle_exiting(int status);

/*
 * prctl or syscall are about to be called: where they would enter a seccomp sandbox, the agent makes no
 * system calls of its own from here on. Returns what was before, for lifecycle_sandbox_failed when the
 * call has failed. Context: any.
 */
enum sandbox lifecycle_prctl(int option, unsigned long mode);
enum sandbox lifecycle_syscall(long number, long argument, long mode);
void lifecycle_sandbox_failed(enum sandbox before);

/* mlockall is about to be called. Context: any. */
void lifecycle_mlockall(int flags);

/*
 * A limit is about to be set, has been set: what is reserved of the address space must not use up a small one.
 * `limit` is looked at only after the call that took it. Context: any.
 */
void lifecycle_limit_before(int pid, int resource, const void *limit);
void lifecycle_limited(int pid, int resource, const void *limit);

/*
 * guard_mark: an iteration of the host ends here; `name` may be NULL. Context: any; async-signal-safe, keeps errno.
 * Cost: one sum over all counters, some microseconds to 5 ms at 100,000 callsites; waits 100 ms at the most for the
 * sampler.
 */
void lifecycle_mark(const char *name);
/* pthread_exit is about to be called, by the main thread perhaps. Context: the calling thread. */
void lifecycle_main_thread_exits(void);
