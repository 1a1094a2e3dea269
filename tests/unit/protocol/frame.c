/*
 * Tests of protocol/frame: what is built is read back, what is not a frame is refused.
 */
#include "protocol/frame.h"
#include "tests/unit/check.h"
#include "tests/unit/image.h"
#include <errno.h>

static _Alignas(8) unsigned char buffer[FRAME_MAX];
static struct frame_builder builder;
static struct kept kept;

static void begin(void)
{
	kept_clear(&kept);
	memset(buffer, 0xaa, sizeof(buffer));
	frame_init(&builder, buffer, 77, keep, &kept);
}

static void test_round_trip(void)
{
	struct position p = {0};
	const struct wire_record *record;

	begin();
	frame_begin(&builder, FRAME_SNAPSHOT, FRAME_FULL);
	memcpy(frame_record(&builder, WIRE_TEXT, 5), "hello", 5);
	CHECK_EQ(*(uint64_t *)frame_record(&builder, WIRE_AGENT, 16), 0);
	CHECK(frame_record(&builder, WIRE_TEXT, 0) != NULL);
	CHECK(frame_end(&builder, FRAME_LAST));
	CHECK_EQ(kept.n_frames, 1);

	record = kept_next(&kept, &p);
	CHECK_EQ(p.frame->type, FRAME_SNAPSHOT);
	CHECK_EQ(p.frame->flags, FRAME_FULL | FRAME_LAST);
	CHECK_EQ(p.frame->sequence, 0);
	CHECK_EQ(p.frame->stream, 77);
	CHECK_EQ(p.frame->length, 24 + 16 + 24 + 8);
	CHECK_EQ(record->kind, WIRE_TEXT);
	CHECK_EQ(record_size(record), 5);
	CHECK(!memcmp(record_body(record, 5), "hello\0\0\0", 8));
	CHECK(record_body(record, 6) == NULL);
	CHECK_EQ(kept_next(&kept, &p)->kind, WIRE_AGENT);
	CHECK_EQ(record_size(kept_next(&kept, &p)), 0);
	CHECK(kept_next(&kept, &p) == NULL);
	CHECK(!p.malformed);
}

static void test_appending_over_frames(void)
{
	struct position p = {0};
	const struct wire_record *record;
	uint32_t i, n = 0;

	begin();
	frame_begin(&builder, FRAME_SNAPSHOT, FRAME_FULL | FRAME_POST_MORTEM);
	for (i = 0; i < 5000; i++)
		((struct wire_counts *)frame_append(&builder, WIRE_COUNTS, sizeof(struct wire_counts)))->callsite = i;
	CHECK(frame_end(&builder, FRAME_LAST));
	CHECK_EQ(kept.n_frames, 4); /* 1637 counts fit in one */
	while ((record = kept_next(&kept, &p))) {
		const struct wire_counts *counts = record_body(record, 0);

		CHECK_EQ(p.frame->flags, FRAME_POST_MORTEM | (p.frame->sequence == 0 ? FRAME_FULL : 0) |
						 (p.frame->sequence == 3 ? FRAME_LAST : 0));
		for (i = 0; i < record_size(record) / sizeof(*counts); i++)
			CHECK(counts[i].callsite == n++ && counts[i].reserved == 0 && counts[i].freed_bytes == 0);
	}
	CHECK_EQ(n, 5000);
	CHECK(!p.malformed);
}

static void test_appending_to_another_kind(void)
{
	begin();
	frame_begin(&builder, FRAME_SNAPSHOT, 0);
	frame_append(&builder, WIRE_SAMPLE, 128);
	frame_append(&builder, WIRE_COUNTS, 40);
	frame_append(&builder, WIRE_COUNTS, 40);
	CHECK_EQ(builder.length, 24 + 8 + 128 + 8 + 80);
	frame_record(&builder, WIRE_TEXT, 3);
	frame_append(&builder, WIRE_TEXT, 8); /* padding must not become content */
	CHECK_EQ(builder.length, 24 + 8 + 128 + 8 + 80 + 16 + 16);
	frame_end(&builder, 0);
	frame_begin(&builder, FRAME_SNAPSHOT, 0);
	frame_append(&builder, WIRE_TEXT, 8); /* never to a record of the frame before */
	CHECK_EQ(builder.length, 24 + 16);
	frame_end(&builder, 0);
}

static void test_limits(void)
{
	const uint32_t most = FRAME_MAX - sizeof(struct wire_header) - sizeof(struct wire_record);

	begin();
	CHECK(frame_record(&builder, WIRE_TEXT, 8) == NULL); /* none is open */
	frame_begin(&builder, FRAME_REPLY, 0);
	CHECK(frame_record(&builder, WIRE_TEXT, most + 1) == NULL);
	CHECK(frame_record(&builder, WIRE_TEXT, UINT32_MAX) == NULL);
	CHECK(frame_record(&builder, WIRE_TEXT, most) != NULL);
	CHECK(frame_record(&builder, WIRE_TEXT, 1) != NULL);
	CHECK(frame_end(&builder, 0));
	CHECK_EQ(kept.n_frames, 2);
	CHECK_EQ(((struct wire_header *)kept.data)->length, FRAME_MAX);
	CHECK_EQ(frame_check(kept.data, kept.length), FRAME_MAX);
}

static void test_refusal(void)
{
	unsigned i;

	begin();
	kept.refuse_at = 2;
	frame_begin(&builder, FRAME_SNAPSHOT, 0);
	for (i = 0; i < 5000; i++)
		frame_append(&builder, WIRE_COUNTS, sizeof(struct wire_counts));
	CHECK(!frame_end(&builder, FRAME_LAST));
	CHECK(builder.failed);
	CHECK_EQ(kept.n_frames, 1);
	CHECK_EQ(builder.sequence, 4); /* the reader sees how many are missing */
	CHECK(!frame_end(&builder, 0));
}

static void test_check(void)
{
	struct wire_header header = {WIRE_MAGIC, 32, FRAME_CHECK, 0, 0, 0};
	unsigned char bytes[48] = {0};
	size_t i;
	static const uint32_t wrong[] = {0, 16, 23, 25, 28, FRAME_MAX + 8, UINT32_MAX, 0x80000000};

	memcpy(bytes, &header, sizeof(header));
	for (i = 0; i < 32; i++)
		CHECK_EQ(frame_check(bytes, i), 0);
	CHECK_EQ(frame_check(bytes, 32), 32);
	CHECK_EQ(frame_check(bytes, 48), 32);
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		header.length = wrong[i];
		memcpy(bytes, &header, sizeof(header));
		CHECK_EQ(frame_check(bytes, sizeof(bytes)), -EBADMSG);
	}
	bytes[0] ^= 1;
	CHECK_EQ(frame_check(bytes, sizeof(bytes)), -EBADMSG);
	CHECK_EQ(frame_check(bytes, 4), -EBADMSG);
	CHECK_EQ(frame_check(bytes, 3), 0);
}

static void test_malformed_records(void)
{
	static const uint32_t wrong[] = {0, 7, 25, 4096, UINT32_MAX, UINT32_MAX - 7};
	struct {
		struct wire_header header;
		struct wire_record first;
		uint64_t body;
		struct wire_record second;
		uint64_t body2;
	} frame = {{WIRE_MAGIC, sizeof(frame), FRAME_SNAPSHOT, 0, 0, 0}, {WIRE_TEXT, 0, 16}, 0, {WIRE_TEXT, 0, 16}, 0};
	const struct wire_record *record;
	bool malformed = false;
	size_t i;

	record = frame_next(&frame.header, NULL, &malformed);
	CHECK(record == &frame.first);
	CHECK(frame_next(&frame.header, record, &malformed) == &frame.second);
	CHECK(frame_next(&frame.header, &frame.second, &malformed) == NULL);
	CHECK(!malformed);
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		frame.second.length = wrong[i];
		malformed = false;
		CHECK(frame_next(&frame.header, record, &malformed) == NULL);
		CHECK(malformed);
	}
	CHECK(frame_next(&frame.header, record, NULL) == NULL);
}

int main(void)
{
	test_round_trip();
	test_appending_over_frames();
	test_appending_to_another_kind();
	test_limits();
	test_refusal();
	test_check();
	test_malformed_records();
	kept_clear(&kept);
	return check_result();
}
