/*
 * Fuzzes protocol/frame: whatever the bytes are, each record that is shown lies inside them.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/stream.h"

size_t fuzz_seed(unsigned n, uint8_t *data, size_t size)
{
	return stream_seed(n, data, size);
}

static void check_frame(const struct wire_header *frame, int64_t length)
{
	const unsigned char *begin = (const unsigned char *)frame, *body, *end = (const unsigned char *)(frame + 1);
	const struct wire_record *record = NULL;
	bool malformed = false;
	uint32_t i;

	FUZZ_CHECK(length == frame->length && length <= FRAME_MAX);
	while ((record = frame_next(frame, record, &malformed))) {
		FUZZ_CHECK((const unsigned char *)record >= end);
		body = record_body(record, 0);
		FUZZ_CHECK(body && !record_body(record, record_size(record) + 1ul));
		for (i = 0; i < record_size(record); i++)
			fuzz_read += body[i];
		end = body + record_size(record);
		FUZZ_CHECK(end <= begin + length);
	}
	FUZZ_CHECK(malformed || begin + length - end < 8);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t offset = 0;
	int64_t length;

	while ((length = frame_check(data + offset, size - offset)) > 0) {
		FUZZ_CHECK((size_t)length <= size - offset && length % 8 == 0);
		check_frame((const struct wire_header *)(data + offset), length);
		offset += (size_t)length;
	}
	return 0;
}
