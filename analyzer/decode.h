/*
 * Decoding -- frames into the model. Every byte is hostile; nothing here trusts a length or id.
 */
#pragma once
#include "analyzer/model.h"
#include "protocol/frame.h"

/*
 * Applies one checked frame (frame_check said its length). 0, -EBADMSG when the frame makes no sense
 * (it is then counted and skipped), -ENOMEM. *process gets the stream's process.
 */
int decode_frame(struct model *model, const struct wire_header *frame, struct process **process);
/*
 * Applies all frames of a recording in memory. Returns the bytes that were whole frames; what follows
 * them was cut off or is no frame.
 */
size_t decode_buffer(struct model *model, const void *data, size_t size);
