/*
 * Fork -- a child goes on with the counts it inherited, in a region of its own.
 *
 * The parent's counters are shared memory and move on, so they cannot be read later: the prepare
 * handler takes their sums into private memory, which the child then has as of the fork. Where other
 * threads ran, or no handler did (raw fork), the block map, which is private, says what is live.
 */
#pragma once
#include <stdbool.h>

/*
 * Handlers for pthread_atfork; the first two also around a fork that passes through syscall(). Context: as called
 * by fork().
 */
void fork_prepare(void);
void fork_parent(void);
void fork_child(void);

/* Would this call of syscall() fork? Context: any. */
bool fork_is(long number, long flags);

/* After store_copy in the child: sets the counters of the copy. Context: the child's only thread. */
bool fork_inherit(void);
