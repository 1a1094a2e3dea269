/*
 * Frames -- builder and checker.
 *
 * Guarantees: no allocation, no system call; a frame handed to the sink is complete and its
 * padding is zero. Costs: a record is a bounds check and a memset of its body.
 */
#include "protocol/frame.h"
#include <errno.h>
#include <string.h>

#define PAD(n) (((n) + 7u) & ~7u)

void frame_init(struct frame_builder *b, unsigned char *buffer, uint64_t stream, frame_sink sink, void *context)
{
	*b = (struct frame_builder){.buffer = buffer, .stream = stream, .sink = sink, .context = context};
}

/* The open frame goes to the sink; frames lost after a refusal are a gap in the sequence. */
static void flush(struct frame_builder *b, uint16_t flags)
{
	struct wire_header *header = (struct wire_header *)b->buffer;

	if (!b->length)
		return;
	*header = (struct wire_header){
		.magic = WIRE_MAGIC,
		.length = b->length,
		.type = b->type,
		.flags = flags,
		.sequence = b->sequence++,
		.stream = b->stream,
	};
	if (!b->failed && !b->sink(b->context, header))
		b->failed = true;
	b->length = 0;
	b->last = 0;
}

void frame_begin(struct frame_builder *b, uint16_t type, uint16_t flags)
{
	flush(b, b->flags);
	b->type = type;
	b->flags = flags;
	b->length = sizeof(struct wire_header);
	b->last = 0;
}

void *frame_record(struct frame_builder *b, uint16_t kind, uint32_t length)
{
	struct wire_record *record;
	uint32_t room;

	if (!b->length || length > FRAME_MAX - sizeof(struct wire_header) - sizeof(*record))
		return NULL;
	room = PAD((uint32_t)sizeof(*record) + length);
	if (b->length + room > FRAME_MAX)
		frame_begin(b, b->type, b->flags & (uint16_t)~FRAME_FULL);
	if (b->length + room > FRAME_MAX)
		return NULL;
	record = (struct wire_record *)(b->buffer + b->length);
	memset(record, 0, room);
	record->kind = kind;
	record->length = (uint32_t)sizeof(*record) + length;
	b->last = b->length;
	b->length += room;
	return record + 1;
}

void *frame_append(struct frame_builder *b, uint16_t kind, uint32_t length)
{
	struct wire_record *last = b->last ? (struct wire_record *)(b->buffer + b->last) : NULL;
	void *body;

	if (!last || last->kind != kind || last->length % 8 || length > FRAME_MAX - b->length)
		return frame_record(b, kind, length);
	body = b->buffer + b->length;
	memset(body, 0, length);
	last->length += length;
	b->length += length;
	return body;
}

bool frame_end(struct frame_builder *b, uint16_t flags)
{
	flush(b, b->flags | flags);
	return !b->failed;
}

int64_t frame_check(const void *data, size_t size)
{
	struct wire_header header;

	if (size >= sizeof(header.magic)) {
		memcpy(&header.magic, data, sizeof(header.magic));
		if (header.magic != WIRE_MAGIC)
			return -EBADMSG;
	}
	if (size < sizeof(header))
		return 0;
	memcpy(&header, data, sizeof(header));
	if (header.length < sizeof(header) || header.length > FRAME_MAX || header.length % 8)
		return -EBADMSG;
	return size < header.length ? 0 : header.length;
}

const struct wire_record *frame_next(const struct wire_header *frame, const struct wire_record *record, bool *malformed)
{
	const unsigned char *base = (const unsigned char *)frame;
	size_t offset = sizeof(*frame);
	const struct wire_record *next;

	if (record)
		offset = (size_t)((const unsigned char *)record - base) + PAD(record->length);
	if (offset >= frame->length)
		return NULL;
	next = (const struct wire_record *)(base + offset);
	if (frame->length - offset >= sizeof(*next) && next->length >= sizeof(*next) &&
	    next->length <= frame->length - offset)
		return next;
	if (malformed)
		*malformed = true;
	return NULL;
}
