/*
 * Frames -- building and checking them; one implementation for both sides.
 *
 * The builder fills a buffer of the caller's and hands each full frame to a callback; it makes
 * no allocation and no system call. The reader checks before it shows: a frame or record that
 * passed lies wholly inside its buffer.
 */
#pragma once
#include "protocol/wire.h"
#include <stdbool.h>
#include <stddef.h>

/* Takes one whole frame. False: it could not be taken; the builder stops and counts. */
typedef bool (*frame_sink)(void *context, const struct wire_header *frame);

struct frame_builder {
	unsigned char *buffer; /* of FRAME_MAX bytes, 8-byte aligned, the caller's */
	uint32_t length;       /* of the frame so far; 0: no frame open */
	uint32_t last;	       /* offset of its last record; 0: none yet */
	uint32_t sequence;
	uint64_t stream;
	uint16_t type, flags;
	bool failed; /* the sink refused a frame; all further ones are dropped (they count in sequence) */
	frame_sink sink;
	void *context;
};

/* Context: any; not for two threads at once. */
void frame_init(struct frame_builder *b, unsigned char *buffer, uint64_t stream, frame_sink sink, void *context);
void frame_begin(struct frame_builder *b, uint16_t type, uint16_t flags);
/*
 * Room for a record of `length` body bytes, zeroed; opens a new frame of the same type when the
 * current one is full. NULL when it can fit in no frame or none is open. The kind's array records
 * may be extended by frame_append.
 */
void *frame_record(struct frame_builder *b, uint16_t kind, uint32_t length);
/* Adds `length` bytes (a multiple of 8) to the last record if it has this kind and there is room, else as frame_record.
 */
void *frame_append(struct frame_builder *b, uint16_t kind, uint32_t length);
/* Sends the open frame with `flags` added (FRAME_LAST). Returns false when any frame of this builder was refused. */
bool frame_end(struct frame_builder *b, uint16_t flags);

/*
 * The length of the frame at data, which has `size` bytes: 0 when more bytes are needed,
 * -EBADMSG when it is none (bad magic, length out of range or unaligned). Context: any; pure.
 */
int64_t frame_check(const void *data, size_t size);

/*
 * The record after `record` (NULL: the first) of a checked frame, which is 8-byte aligned; NULL at the end or at a
 * record that does not fit. Sets *malformed in the second case, and leaves it alone otherwise. Context: any; pure.
 */
const struct wire_record *frame_next(const struct wire_header *frame, const struct wire_record *record,
				     bool *malformed);

/* The body of a record if it has at least `at_least` bytes, else NULL. */
static inline const void *record_body(const struct wire_record *record, size_t at_least)
{
	return record->length - sizeof(*record) >= at_least ? (const void *)(record + 1) : NULL;
}
static inline uint32_t record_size(const struct wire_record *record)
{
	return record->length - (uint32_t)sizeof(*record);
}
