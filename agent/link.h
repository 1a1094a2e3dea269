/*
 * The link -- the agent's one connection to the analyzer.
 *
 * A SOCK_SEQPACKET socket: a frame arrives whole or not at all. Sends never block the host and never
 * raise SIGPIPE. While nobody listens there is no descriptor; with a connection there is one, near
 * the soft limit, close-on-exec, and before each use its identity is checked: where the host has
 * closed or replaced it, it is given up in silence.
 *
 * Not for two threads at once: hold link_lock().
 */
#pragma once
#include "protocol/wire.h"
#include <stdbool.h>
#include <stddef.h>

/* Where to connect. Context: init. */
void link_init(char *const *environment);
/* Connects if nobody is there yet. False: no analyzer, or not one to trust. */
bool link_open(void);

/*
 * From here on this thread has a table of descriptors of its own, with our connection alone in it: what it opens
 * never takes a number from the host, and what the host closes or replaces is never ours. Context: sampler thread.
 */
void link_own_table(void);
bool link_is_open(void);
/* For poll(); -1: none. */
int link_descriptor(void);
void link_close(void);
/* In a forked child: the connection is the parent's. Context: async-signal-safe. */
void link_postfork_child(void);

/* Sends a frame, with a descriptor when `pass` is not -1. wait_ms: how long a full socket is waited for. */
bool link_send(const struct wire_header *frame, int pass, int wait_ms);
/* The next frame in the buffer (FRAME_MAX bytes): its checked length, 0: none now, -1: closed, which is done here. */
long link_receive(void *buffer);

/* wait_ms bounded; false: not had. */
bool link_lock(int wait_ms);
void link_unlock(void);
