/*
 * Processes from outside -- what /proc and pidfds tell about a process that is not our child.
 */
#pragma once
#include "protocol/wire.h"
#include <stdbool.h>
#include <sys/stat.h>

/* A pidfd for the peer of a connected socket, CLOEXEC; -1 when the process is gone or not visible. */
int proc_open_peer(int socket, int pid);
/* Are both pidfds of one process? True in doubt: before Linux 6.9 they cannot be told apart. */
bool proc_is_same(int pidfd, int other);
/* Has the process ended? (It may still be a zombie.) Without a pidfd (-1) by its pid. */
bool proc_has_ended(int pid, int pidfd);
/*
 * The wait status of an ended process: from the pidfd once it has been reaped (Linux 6.15), from /proc while
 * it is a zombie. 0, -EAGAIN when it may be known later, -ENODATA when it will not.
 */
int proc_exit_status(int pid, int pidfd, int *status);

enum proc_mapping {
	MAPPING_UNKNOWN, /* /proc does not let us look */
	MAPPING_NONE,	 /* no memory any more: it is exiting */
	MAPPING_OTHER,	 /* memory, but not this file: exec has replaced the image */
	MAPPING_HELD,
};
/* Does the process map this file? */
enum proc_mapping proc_maps_file(int pid, const struct stat *file);

/* Fills the process-wide memory fields of a sample. 0 or -errno. */
int proc_sample(int pid, struct wire_sample *sample);
