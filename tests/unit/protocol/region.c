/*
 * Tests of protocol/region: what is ready is found, what is not is stepped over, what lies is not believed.
 */
#include "protocol/region.h"
#include "tests/unit/check.h"
#include "tests/unit/image.h"
#include <errno.h>
#include <pthread.h>

static const struct region_record *nth(const struct region_view *view, unsigned n)
{
	const struct region_record *record;
	uint64_t offset = 0;

	while ((record = region_next(view, &offset)) && n--)
		;
	return record;
}

static void test_check(void)
{
	struct image image = image_new(REGION_HEADER_SIZE);
	struct region_view view = image_view(&image);

	CHECK_EQ(region_check(&view), 0);
	CHECK(nth(&view, 0) == NULL);
	view.size--;
	CHECK_EQ(region_check(&view), -EBADMSG);
	CHECK(nth(&view, 0) == NULL);
	view.size = 0;
	CHECK_EQ(region_check(&view), -EBADMSG);
	view = image_view(&image);
	image_header(&image)->version++;
	CHECK_EQ(region_check(&view), -EBADMSG);
	image_header(&image)->version--;
	image_header(&image)->header_size += 64;
	CHECK_EQ(region_check(&view), -EBADMSG);
	image_header(&image)->header_size -= 64;
	image_header(&image)->magic++;
	CHECK_EQ(region_check(&view), -EBADMSG);
	free(image.base);
}

static void test_records(void)
{
	struct image image = image_new(REGION_HEADER_SIZE + 65536);
	struct region_view view = image_view(&image);
	struct region_module *module = image_module(&image, 1, "/bin/true");
	struct region_record *unready, *dead;
	struct region_callsite *callsite;
	uint64_t offset = 0, pending = UINT64_MAX;

	unready = image_add(&image, REGION_PENDING, 256);
	memset(unready + 1, 0x5a, 200); /* half a body: looks like records, is none */
	dead = image_add(&image, REGION_PENDING, 128);
	dead->length = 0; /* its writer died before it wrote the length */
	callsite = image_callsite(&image, 5, 20);
	image_add(&image, 99, 64); /* a kind of the future */

	CHECK(region_next_ready(&view, &offset, &pending) == &module->record);
	CHECK_EQ(pending, UINT64_MAX);
	CHECK(region_next_ready(&view, &offset, &pending) == &callsite->record);
	CHECK_EQ(offset, (unsigned char *)callsite - image.base + 256);
	CHECK_EQ(pending, (unsigned char *)unready - image.base);
	CHECK(region_next_ready(&view, &offset, &pending) == NULL);
	CHECK_EQ(offset, image_header(&image)->used);
	CHECK_EQ(region_callsite_bound(&view), 6);

	unready->kind = REGION_MODULE; /* now it is ready, but says a path longer than itself */
	((struct region_module *)unready)->module.path_length = 256 - sizeof(struct region_module) + 1;
	((struct region_module *)unready)->module.build_id_length = 32;
	CHECK(nth(&view, 1) == &callsite->record);
	((struct region_module *)unready)->module.path_length--;
	CHECK(nth(&view, 1) == unready);
	((struct region_module *)unready)->module.build_id_length = 33;
	CHECK(nth(&view, 1) == &callsite->record);
	free(image.base);
}

static void test_lies(void)
{
	struct image image = image_new(REGION_HEADER_SIZE + 640);
	struct region_view view = image_view(&image);
	struct region_callsite *callsite = image_callsite(&image, 1, 1), *second = image_callsite(&image, 2, 0);
	static const uint32_t lengths[] = {1, 63, 65, 768, 4096, 0xffffffc0, UINT32_MAX};
	size_t i;

	image_header(&image)->used = UINT64_MAX;
	CHECK(nth(&view, 0) == &callsite->record);
	CHECK(nth(&view, 2) == NULL);
	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		callsite->record.length = lengths[i];
		CHECK(nth(&view, 0) == &second->record);
	}
	callsite->record.length = 128;
	callsite->n_frames = 8;
	CHECK(nth(&view, 0) == &callsite->record);
	callsite->n_frames = 9; /* its frames would be the next record's */
	CHECK(nth(&view, 0) == &second->record);
	callsite->n_frames = 0;
	callsite->id = 0;
	CHECK(nth(&view, 0) == &second->record);
	callsite->id = REGION_CALLSITES;
	CHECK(nth(&view, 0) == &second->record);
	CHECK_EQ(region_callsite_bound(&view), 3);
	image_header(&image)->used = REGION_HEADER_SIZE + 128 + 63; /* not a whole line */
	CHECK(nth(&view, 0) == NULL);
	free(image.base);
}

static void test_sums(void)
{
	struct image image = image_new(REGION_HEADER_SIZE + 65536);
	struct region_view view = image_view(&image);
	struct region_cell sums[20] = {0};
	struct region_counters *a = image_counters(&image, 0, 1), *b = image_counters(&image, 0, 2),
			       *c = image_counters(&image, 16, 1), *d = image_counters(&image, 8, 1);
	unsigned i;

	for (i = 0; i < REGION_CELLS; i++) {
		a->cells[i] = (struct region_cell){i, 100 * i, 1, 10};
		b->cells[i] = (struct region_cell){1, 1, UINT64_MAX, i};
		c->cells[i] = (struct region_cell){7, 8, 9, 10};
		d->cells[i] = (struct region_cell){1000, 1000, 1000, 1000}; /* not a multiple of 16: not believed */
	}
	region_sum(&view, sums, 20);
	CHECK_EQ(sums[0].allocated_blocks, 0);
	for (i = 1; i < 20; i++) {
		CHECK_EQ(sums[i].allocated_blocks, i < 16 ? i + 1 : 7);
		CHECK_EQ(sums[i].allocated_bytes, i < 16 ? 100 * i + 1 : 8);
		CHECK_EQ(sums[i].freed_blocks, i < 16 ? 0 : 9);
		CHECK_EQ(sums[i].freed_bytes, i < 16 ? 10 + i : 10);
	}
	region_sum(&view, sums, 0);
	region_sum(&view, sums, 1);
	CHECK_EQ(sums[0].allocated_blocks, 0);
	c->first_callsite = REGION_CALLSITES;
	c->record.length = 64;
	region_sum(&view, sums, 20);
	CHECK_EQ(sums[17].allocated_blocks, 7);
	free(image.base);
}

/* A writer whose record's inside looks like records: a reader must see them at no moment. */
#define RECORDS 2000
#define LINES 6
static struct image race;

static void *write_records(void *unused)
{
	unsigned i, line;

	for (i = 0; i < RECORDS; i++) {
		uint64_t at = __atomic_fetch_add(&image_header(&race)->used, LINES * REGION_LINE, __ATOMIC_RELAXED);
		struct region_callsite *callsite = (struct region_callsite *)(race.base + at);

		for (line = 0; line < 20; line++) /* the reader sees used, but no length yet */
			__asm__ volatile("" ::: "memory");
		__atomic_store_n(&callsite->record.length, LINES * REGION_LINE, __ATOMIC_RELAXED);
		callsite->id = i + 1;
		for (line = 1; line < LINES; line++) {
			struct region_callsite *fake = (struct region_callsite *)(race.base + at + line * REGION_LINE);

			fake->id = RECORDS * 2;
			__atomic_store_n(&fake->record.length, REGION_LINE, __ATOMIC_RELEASE);
			__atomic_store_n(&fake->record.kind, REGION_CALLSITE, __ATOMIC_RELEASE);
		}
		__atomic_store_n(&callsite->record.kind, REGION_CALLSITE, __ATOMIC_RELEASE);
	}
	return unused;
}

static void test_race(void)
{
	uint64_t offset = 0, start;
	unsigned round, wrong = 0;
	pthread_t writer;

	race = image_new(REGION_HEADER_SIZE + RECORDS * LINES * REGION_LINE);
	for (round = 0; round < 20; round++) {
		struct region_view view = image_view(&race);

		memset(race.base + REGION_HEADER_SIZE, 0, race.size - REGION_HEADER_SIZE);
		image_header(&race)->used = REGION_HEADER_SIZE;
		pthread_create(&writer, NULL, write_records, NULL);
		for (start = 0; start < race.size;) {
			uint64_t pending = UINT64_MAX;
			const struct region_record *record;

			offset = start;
			while ((record = region_next_ready(&view, &offset, &pending)))
				wrong += ((const struct region_callsite *)record)->id > RECORDS;
			start = offset < pending ? offset : pending;
		}
		pthread_join(writer, NULL);
	}
	CHECK_EQ(wrong, 0);
	free(race.base);
}

int main(void)
{
	test_check();
	test_records();
	test_lies();
	test_sums();
	test_race();
	return check_result();
}
