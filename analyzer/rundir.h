/*
 * Run directories -- the private directory of one `guardctl run`: its socket, perhaps a link to the agent.
 *
 * A guardctl that was killed leaves its own behind. The next one removes it: a directory of our user named
 * like one, whose socket nobody listens on any more.
 */
#pragma once
#define RUNDIR_SIZE 128

/* Makes one, mode 0700, in $TMPDIR or /tmp. 0, or a negative errno after a message. */
int rundir_make(char path[RUNDIR_SIZE]);
/* Removes it with what guardctl puts there; the socket goes with its listener. */
void rundir_remove(const char *path);
