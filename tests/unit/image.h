/*
 * Images -- a region in the test's own memory, and the frames that come out of it.
 */
#pragma once
#include "protocol/frame.h"
#include "protocol/region.h"
#include <stdlib.h>
#include <string.h>

struct image {
	unsigned char *base;
	size_t size;
};

static inline struct region_header *image_header(const struct image *image)
{
	return (struct region_header *)image->base;
}

static inline struct image image_new(size_t size)
{
	struct image image = {aligned_alloc(REGION_LINE, REGION_ROUND(size)), REGION_ROUND(size)};
	struct region_header *header = image_header(&image);

	memset(image.base, 0, image.size);
	header->magic = REGION_MAGIC;
	header->version = REGION_VERSION;
	header->header_size = REGION_HEADER_SIZE;
	header->size = image.size;
	header->used = REGION_HEADER_SIZE;
	header->stream = 42;
	return image;
}

static inline struct region_view image_view(const struct image *image)
{
	return (struct region_view){image->base, image->size};
}

/* A record of this kind with room for `length` bytes in all. */
static inline void *image_add(const struct image *image, uint32_t kind, size_t length)
{
	struct region_header *header = image_header(image);
	struct region_record *record = (struct region_record *)(image->base + header->used);

	length = REGION_ROUND(length);
	if (header->used + length > image->size)
		abort();
	header->used += length;
	record->length = (uint32_t)length;
	record->kind = kind;
	return record;
}

static inline struct region_callsite *image_callsite(const struct image *image, uint32_t id, uint16_t n_frames)
{
	struct region_callsite *callsite = image_add(image, REGION_CALLSITE, sizeof(*callsite) + n_frames * 8u);
	unsigned i;

	callsite->id = id;
	callsite->n_frames = n_frames;
	for (i = 0; i < n_frames; i++)
		callsite->frames[i] = ((uint64_t)id << 16) + i;
	return callsite;
}

static inline struct region_module *image_module(const struct image *image, uint32_t id, const char *path)
{
	struct region_module *module = image_add(image, REGION_MODULE, sizeof(*module) + strlen(path));

	module->module.id = id;
	module->module.path_length = (uint32_t)strlen(path);
	memcpy(module->path, path, strlen(path));
	return module;
}

static inline struct region_counters *image_counters(const struct image *image, uint32_t first, uint32_t shard)
{
	struct region_counters *counters = image_add(image, REGION_COUNTERS, sizeof(*counters));

	counters->first_callsite = first;
	counters->shard = shard;
	return counters;
}

/* A sink that keeps the frames, or refuses from frame `refuse_at` on. */
struct kept {
	unsigned char *data;
	size_t length;
	unsigned n_frames, refuse_at;
};

static inline bool keep(void *context, const struct wire_header *frame)
{
	struct kept *kept = context;

	if (kept->refuse_at && kept->n_frames + 1 >= kept->refuse_at)
		return false;
	kept->data = realloc(kept->data, kept->length + frame->length);
	memcpy(kept->data + kept->length, frame, frame->length);
	kept->length += frame->length;
	kept->n_frames++;
	return true;
}

static inline void kept_clear(struct kept *kept)
{
	free(kept->data);
	*kept = (struct kept){0};
}

/* Walks all records of all frames kept: `position` is zeroed to begin. NULL at the end. */
struct position {
	size_t offset;
	const struct wire_header *frame;
	const struct wire_record *record;
	bool malformed;
};

static inline const struct wire_record *kept_next(const struct kept *kept, struct position *p)
{
	int64_t length;

	for (;;) {
		if (p->frame) {
			p->record = frame_next(p->frame, p->record, &p->malformed);
			if (p->record)
				return p->record;
		}
		length = frame_check(kept->data + p->offset, kept->length - p->offset);
		if (length <= 0)
			return NULL;
		p->frame = (const struct wire_header *)(kept->data + p->offset);
		p->record = NULL;
		p->offset += (size_t)length;
	}
}
