/*
 * Streams -- frames of every type and record kind, as seeds for those who read frames.
 */
#pragma once
#include "protocol/snapshot.h"
#include "tests/unit/image.h"

/* A region with a bit of everything, `n` callsites. */
static inline struct image stream_image(uint32_t n)
{
	struct image image = image_new(REGION_HEADER_SIZE + (n + 4) * 1024);
	struct region_header *header = image_header(&image);
	uint32_t id;

	header->process = (struct wire_process){1, 2, 33, 1, 0, WIRE_VERSION, 8, 2, 9, 5};
	memcpy(header->exe, "/bin/exe", 8);
	memcpy(header->cwd, "/c", 2);
	memcpy(header->command, "exe\0a\0b\0", 9);
	memcpy(header->agent_version, "0.1.0", 5);
	memcpy(header->options, "interval=1s\n", 12);
	image_module(&image, 1, "/bin/exe")->module.build_id_length = 20;
	for (id = 1; id <= n; id++) {
		struct region_callsite *callsite = image_callsite(&image, id, (uint16_t)(id * 3 % 40));
		struct region_counters *counters;

		callsite->state = id % N_VERDICTS;
		callsite->score = 0.5;
		if (id % REGION_CELLS == 1) {
			counters = image_counters(&image, id / REGION_CELLS * REGION_CELLS, 1);
			counters->cells[1] = (struct region_cell){id, 10 * id, 1, 10};
			counters->cells[2] = (struct region_cell){2, 20, UINT64_MAX, 10};
		}
	}
	for (id = 0; id < 4; id++)
		header->history[header->n_history++] = (struct wire_sample){.time_ns = 1000 * id, .rss = 1 << 20};
	header->verdict.reasons[0].code = 1;
	return image;
}

/* The frames of a whole life: hello, snapshot, another one, an event, the final state. */
static inline struct kept stream_frames(uint32_t n)
{
	static _Alignas(8) unsigned char buffer[FRAME_MAX];
	struct image image = stream_image(n);
	struct region_view view = image_view(&image);
	struct region_header *header = image_header(&image);
	struct region_cell *sums = calloc(n + 1, sizeof(*sums)), *told = calloc(n + 1, sizeof(*told));
	struct snapshot_state state = {.told = told, .n_told = n + 1};
	struct frame_builder builder;
	struct kept kept = {0};
	struct wire_event *event;

	frame_init(&builder, buffer, 42 + n, keep, &kept);
	snapshot_hello(&builder, &view);
	region_sum(&view, sums, n + 1);
	snapshot_encode(&builder, &view, FRAME_SNAPSHOT, 0, sums, n + 1, &state);
	sums[n].freed_blocks++;
	header->history[header->n_history++].time_ns = 9000;
	snapshot_encode(&builder, &view, FRAME_SNAPSHOT, 0, sums, n + 1, &state);
	frame_begin(&builder, FRAME_EVENT, 0);
	event = frame_record(&builder, WIRE_EVENT, sizeof(*event) + 5);
	event->kind = EVENT_WARNING;
	memcpy(event + 1, "hello", 5);
	frame_end(&builder, 0);
	header->end = (struct wire_end){END_SIGNAL, 0, 11, 0, 9000};
	snapshot_encode(&builder, &view, FRAME_FINAL, 0, sums, n + 1, &state);
	frame_begin(&builder, FRAME_QUERY, 0);
	frame_record(&builder, WIRE_QUERY, sizeof(struct wire_query));
	frame_end(&builder, 0);
	free(sums);
	free(told);
	free(image.base);
	return kept;
}

/* A seed of frames: 0, 1, ... 5; each longer than the one before. */
static inline size_t stream_seed(unsigned n, uint8_t *data, size_t size)
{
	static const uint32_t callsites[] = {1, 2, 5, 17, 40, 200};
	struct kept kept = {0};

	if (n >= sizeof(callsites) / sizeof(callsites[0]))
		return 0;
	kept = stream_frames(callsites[n]);
	size = kept.length < size ? kept.length : size;
	memcpy(data, kept.data, size);
	kept_clear(&kept);
	return size;
}
