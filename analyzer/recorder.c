/*
 * Recordings -- writing stops at the first failure and leaves a file of whole frames behind.
 */
#include "analyzer/recorder.h"
#include "analyzer/cleanup.h"
#include "analyzer/decode.h"
#include "analyzer/message.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_SIZE (16 * FRAME_MAX)

int recorder_init(struct recorder *recorder, const char *path)
{
	struct stat status;

	*recorder = (struct recorder){.fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666), .path = path};
	if (recorder->fd < 0)
		return -errno;
	if (fstat(recorder->fd, &status) < 0 || !S_ISREG(status.st_mode))
		recorder->length = -1;
	return 0;
}

void recorder_fini(struct recorder *recorder)
{
	if (recorder->fd >= 0 && close(recorder->fd) < 0)
		message("%s: %s", recorder->path, strerror(errno));
	recorder->fd = -1;
}

static void give_up(struct recorder *recorder, int error)
{
	if (recorder->length >= 0 && ftruncate(recorder->fd, recorder->length) < 0)
		error = errno;
	message("%s: %s; the recording ends here, the rest goes on", recorder->path, strerror(error));
	close(recorder->fd);
	recorder->fd = -1;
}

void recorder_write(struct recorder *recorder, const struct wire_header *frame)
{
	const char *from = (const char *)frame;
	size_t left = frame->length;

	if (recorder->fd < 0)
		return;
	while (left) {
		ssize_t n = write(recorder->fd, from, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			give_up(recorder, n < 0 ? errno : ENOSPC);
			return;
		}
		from += n;
		left -= (size_t)n;
	}
	if (recorder->length >= 0)
		recorder->length += frame->length;
}

/* What a file has left behind where it is read; of anything else there is no knowing, it may be endless. */
static uint64_t left_in_file(int fd)
{
	off_t at = lseek(fd, 0, SEEK_CUR);
	struct stat status;

	if (at < 0 || fstat(fd, &status) < 0 || !S_ISREG(status.st_mode) || status.st_size < at)
		return 0;
	return (uint64_t)(status.st_size - at);
}

int recording_read(struct model *model, int fd, uint64_t *frames_bytes, uint64_t *rest)
{
	cleanup_free unsigned char *buffer = malloc(READ_SIZE);
	size_t held = 0, used;
	ssize_t n;

	*frames_bytes = *rest = 0;
	if (!buffer)
		return -ENOMEM;
	for (;;) {
		n = read(fd, buffer + held, READ_SIZE - held);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		held += (size_t)n;
		used = decode_buffer(model, buffer, held);
		*frames_bytes += used;
		held -= used;
		memmove(buffer, buffer + used, held);
		if (n == 0 || held >= FRAME_MAX)
			break;
	}
	*rest = held + left_in_file(fd);
	return 0;
}
