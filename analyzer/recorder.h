/*
 * Recordings -- frames, one after the other, byte for byte as they were sent: .guard files.
 */
#pragma once
#include "analyzer/model.h"

struct recorder {
	int fd; /* -1: not recording */
	const char *path;
	int64_t length; /* of the whole frames written; -1: not a regular file, cannot be cut back */
};

/* Makes the file, or empties it. 0 or -errno. `path` must live as long as the recorder. */
int recorder_init(struct recorder *recorder, const char *path);
void recorder_fini(struct recorder *recorder);
/* Adds a frame. When the disk is full or fails it says so once, cuts the file to whole frames and stops. */
void recorder_write(struct recorder *recorder, const struct wire_header *frame);

/*
 * Reads a recording into the model, a piece at a time. 0 or -errno; *frames_bytes gets how many bytes
 * were whole frames, *rest how many were left over at the end,
 * for a pipe or a device at the least.
 */
int recording_read(struct model *model, int fd, uint64_t *frames_bytes, uint64_t *rest);
