/*
 * Connections -- one recvmsg a frame; descriptors beyond the wanted one are closed at once.
 */
#include "analyzer/connection.h"
#include "protocol/frame.h"
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DESCRIPTORS_MAX 8

/* Keeps the first descriptor of the message, closes the others. */
static void take_descriptors(struct msghdr *message, int *fd)
{
	for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header; header = CMSG_NXTHDR(message, header)) {
		int fds[DESCRIPTORS_MAX];
		size_t n;

		if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
			continue;
		n = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		if (n > DESCRIPTORS_MAX)
			n = DESCRIPTORS_MAX;
		memcpy(fds, CMSG_DATA(header), n * sizeof(int));
		for (size_t i = 0; i < n; i++) {
			if (fd && *fd < 0)
				*fd = fds[i];
			else
				close(fds[i]);
		}
	}
}

int64_t connection_receive(int socket, void *buffer, int *fd)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(DESCRIPTORS_MAX * sizeof(int))];
	struct iovec vector = {buffer, FRAME_MAX};
	struct msghdr header = {
		.msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	ssize_t n;

	if (fd)
		*fd = -1;
	do
		n = recvmsg(socket, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (n < 0 && (errno == EINTR || errno == ECONNRESET)); /* a reset is told once, before what is queued */
	if (n < 0)
		return errno == EAGAIN ? -EAGAIN : 0;
	take_descriptors(&header, fd);
	if (n == 0)
		return 0;
	if ((header.msg_flags & MSG_TRUNC) || frame_check(buffer, (size_t)n) != n)
		return -EBADMSG;
	return n;
}

int connection_send(int socket, const struct wire_header *frame)
{
	ssize_t n;

	do
		n = send(socket, frame, frame->length, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

static bool keep_frame(void *context, const struct wire_header *frame)
{
	(void)context;
	(void)frame; /* it stays in the buffer */
	return true;
}

const struct wire_header *connection_frame(void *buffer, uint16_t type, uint16_t flags, uint16_t kind, const void *body,
					   size_t body_size, const char *text)
{
	size_t length = text ? strlen(text) : 0;
	struct frame_builder builder;
	char *record;

	frame_init(&builder, buffer, 0, keep_frame, NULL);
	frame_begin(&builder, type, flags);
	record = length < FRAME_MAX ? frame_record(&builder, kind, (uint32_t)(body_size + length)) : NULL;
	if (!record)
		return NULL;
	if (body_size)
		memcpy(record, body, body_size);
	if (length)
		memcpy(record + body_size, text, length);
	frame_end(&builder, flags);
	return buffer;
}
