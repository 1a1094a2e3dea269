/*
 * Fuzzes protocol/region and protocol/snapshot: whatever a region holds, reading stays inside it,
 * ends, and makes frames that are well-formed.
 *
 * An input is a struct knobs, which says what the header holds, then the region's records.
 */
#include "protocol/snapshot.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/stream.h"

#define SUMS_MOST 250u /* no multiple of REGION_CELLS */

struct knobs {
	uint64_t used;
	struct wire_process process;
	struct wire_end end;
	uint32_t history_sequence, n_history;
	uint64_t times[8];
	uint32_t cut; /* bytes missing at the end of the view */
	uint32_t refuse_at;
};

size_t fuzz_seed(unsigned n, uint8_t *data, size_t size)
{
	static const uint32_t callsites[] = {1, 4, 16, 17, 60, 250};
	struct image image;
	struct region_header *header;
	struct knobs knobs = {0};
	size_t records;

	if (n >= sizeof(callsites) / sizeof(callsites[0]))
		return 0;
	image = stream_image(callsites[n]);
	header = image_header(&image);
	records = header->used - REGION_HEADER_SIZE;
	knobs = (struct knobs){header->used, header->process, {n, 0, 0, 0, 0}, n, 4, {1, 2, 3, 4}, 0, 0};
	records = records < size - sizeof(knobs) ? records : size - sizeof(knobs);
	memcpy(data, &knobs, sizeof(knobs));
	memcpy(data + sizeof(knobs), image.base + REGION_HEADER_SIZE, records);
	free(image.base);
	return sizeof(knobs) + records;
}

static struct image build(const struct knobs *knobs, const uint8_t *records, size_t size)
{
	struct image image = {calloc(1, REGION_HEADER_SIZE + size), REGION_HEADER_SIZE + size};
	struct region_header *header = image_header(&image);
	unsigned i;

	header->magic = REGION_MAGIC;
	header->version = REGION_VERSION;
	header->header_size = REGION_HEADER_SIZE;
	header->used = knobs->used;
	header->process = knobs->process;
	header->end = knobs->end;
	header->history_sequence = knobs->history_sequence;
	header->n_history = knobs->n_history;
	memset(header->options, 'o', sizeof(header->options));
	for (i = 0; i < 8; i++)
		header->history[i].time_ns = knobs->times[i];
	memcpy(image.base + REGION_HEADER_SIZE, records, size);
	return image;
}

static void read_records(const struct region_view *view)
{
	const struct region_record *record;
	uint64_t offset = 0, before = 0, pending = UINT64_MAX;

	while ((record = region_next_ready(view, &offset, &pending))) {
		const struct region_callsite *callsite = (const struct region_callsite *)record;
		const struct region_module *module = (const struct region_module *)record;
		unsigned i;

		FUZZ_CHECK(offset > before && offset <= view->size);
		FUZZ_CHECK((const unsigned char *)record >= view->base + REGION_HEADER_SIZE);
		if (record->kind == REGION_CALLSITE)
			for (i = 0; i < callsite->n_frames; i++)
				fuzz_read += callsite->frames[i];
		if (record->kind == REGION_MODULE)
			for (i = 0; i < module->module.path_length; i++)
				fuzz_read += (unsigned char)module->path[i];
		before = offset;
	}
	FUZZ_CHECK(region_callsite_bound(view) <= REGION_CALLSITES);
}

static bool check(void *context, const struct wire_header *frame)
{
	const struct wire_record *record = NULL;
	uint32_t *frames_left = context;
	bool malformed = false;

	FUZZ_CHECK(frame_check(frame, frame->length) == frame->length);
	while ((record = frame_next(frame, record, &malformed)))
		;
	FUZZ_CHECK(!malformed);
	return --*frames_left != 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static _Alignas(8) unsigned char buffer[FRAME_MAX];
	static struct region_cell sums[SUMS_MOST], told[SUMS_MOST];
	struct snapshot_state state = {.told = told, .n_told = SUMS_MOST / 2};
	struct frame_builder builder;
	struct region_view view;
	struct knobs knobs;
	struct image image;
	unsigned round;

	if (size < sizeof(knobs))
		return 0;
	memcpy(&knobs, data, sizeof(knobs));
	image = build(&knobs, data + sizeof(knobs), size - sizeof(knobs));
	view = image_view(&image);
	view.size -= knobs.cut % 256 < view.size ? knobs.cut % 256 : 0;
	read_records(&view);
	memset(sums, 0, sizeof(sums));
	region_sum(&view, sums, SUMS_MOST);
	for (round = 0; round < 4; round++) {
		uint32_t left = round == 1 ? knobs.refuse_at : 0;

		frame_init(&builder, buffer, 1, check, &left);
		snapshot_hello(&builder, &view);
		snapshot_encode(&builder, &view, round == 3 ? FRAME_FINAL : FRAME_SNAPSHOT,
				round == 3 ? FRAME_POST_MORTEM : 0, sums, SUMS_MOST, &state);
		FUZZ_CHECK(state.record_offset <= view.size);
	}
	free(image.base);
	return 0;
}
