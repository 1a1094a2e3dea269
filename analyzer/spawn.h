/*
 * Spawning -- starts the command of `guardctl run` as if guardctl were not there.
 *
 * The command gets the standard descriptors, working directory, umask, signal mask, signal dispositions and
 * limits that guardctl was started with; of guardctl's own descriptors none.
 */
#pragma once
#include "analyzer/environment.h"
#include <signal.h>
#include <sys/resource.h>
#include <sys/types.h>

/* What guardctl changed for itself and the command must not see. */
struct inheritance {
	sigset_t mask;
	struct rlimit descriptors;
	struct sigaction on_child, on_pipe, on_size;
};

/* Blocks the signals of `handled`, ignores SIGPIPE and SIGXFSZ, takes as many descriptors as may be had. */
void inheritance_set_aside(struct inheritance *inheritance, const sigset_t *handled);

/* Where the agent and the socket are, for LD_PRELOAD and GUARD_SOCKET. */
struct guarding {
	const char *agent, *socket;
	const struct settings *settings;
};

/* Starts argv. 0 and *pid, or -errno of what failed: execvp, or the steps before it. */
int spawn(pid_t *pid, char **argv, const struct guarding *guarding, const struct inheritance *inheritance);
