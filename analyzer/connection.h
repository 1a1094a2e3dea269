/*
 * Connections -- frames over a SOCK_SEQPACKET socket, one message each; never blocks, never raises SIGPIPE.
 */
#pragma once
#include "protocol/wire.h"
#include <stddef.h>

/*
 * Receives one checked frame into buffer (FRAME_MAX bytes). Returns its length; 0 at the end of the
 * connection; -EAGAIN when there is none yet; -EBADMSG for a message that is no frame (it is consumed).
 * *fd gets a descriptor that came along, or -1; NULL: such are closed.
 */
int64_t connection_receive(int socket, void *buffer, int *fd);
/* Sends one frame; 0 or -errno. */
int connection_send(int socket, const struct wire_header *frame);
/* Makes a frame of one record: body, then text. `buffer` has FRAME_MAX bytes. NULL when it does not fit. */
const struct wire_header *connection_frame(void *buffer, uint16_t type, uint16_t flags, uint16_t kind, const void *body,
					   size_t body_size, const char *text);
