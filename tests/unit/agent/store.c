/*
 * Tests of agent/store: a region that any reader can read, that two writers never share and a child never touches.
 */
#include "tests/unit/agent/agent.h"
#include <sys/stat.h>

#define MEGABYTE (UINT64_C(1) << 20)
#define THREADS 8
#define RECORDS 5000

static int region_fd;

static void fill(struct region_record *record, unsigned char value)
{
	memset(record + 1, value, record->length - sizeof(*record));
}

static bool filled(const struct region_record *record)
{
	const unsigned char *body = (const unsigned char *)(record + 1);

	for (size_t i = 0; i < record->length - sizeof(*record); i++)
		if (body[i] != body[0])
			return false;
	return true;
}

/* A record of a kind that readers take as it is. */
static struct region_record *add(uint32_t length, unsigned char value)
{
	struct region_record *record = store_record(length);

	if (record) {
		fill(record, value);
		store_ready(record, 99);
	}
	return record;
}

/* Kinds of the future are stepped over by readers, so the records are walked by their lengths here. */
static unsigned count_records(unsigned *wrong)
{
	uint64_t end = store->used < store_view().size ? store->used : store_view().size, at = REGION_HEADER_SIZE;
	unsigned n = 0;

	while (at < end) {
		const struct region_record *record = (const struct region_record *)((char *)store + at);

		if (!record->length)
			break;
		*wrong += record->length % REGION_LINE || (record->kind == 99 && !filled(record));
		n += record->kind == 99;
		at += record->length;
	}
	return n;
}

static void test_open(void)
{
	struct region_view view;
	struct region_header head;
	struct stat st;

	CHECK(store == NULL);
	region_fd = agent_begin(8 * MEGABYTE - 5);
	CHECK(region_fd >= 0 && store != NULL);
	view = store_view();
	CHECK_EQ(region_check(&view), 0);
	CHECK_EQ(store->size, 8 * MEGABYTE);
	CHECK_EQ(store->used, REGION_HEADER_SIZE);
	CHECK(store->stream != 0);
	CHECK_EQ(store->agent.lost, 0);
	CHECK_EQ(fstat(region_fd, &st), 0);
	CHECK_EQ(st.st_size, 8 * MEGABYTE);
	CHECK_EQ(pread(region_fd, &head, sizeof(head), 0), sizeof(head));
	CHECK_EQ(head.stream, store->stream);
	CHECK_EQ(fcntl(region_fd, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(fcntl(region_fd, F_GET_SEALS), F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
	CHECK_EQ(ftruncate(region_fd, 4096), -1);
	CHECK_EQ(ftruncate(region_fd, 16 * MEGABYTE), -1);
}

static void test_records(void)
{
	static const uint32_t lengths[] = {8, 64, 65, 128, 4096, 300000};
	struct region_module *module, seen;
	const struct region_record *next;
	struct region_view view;
	uint64_t offset = 0, used;

	region_fd = agent_begin(8 * MEGABYTE);
	used = store->used;
	for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct region_record *record = store_record(lengths[i]);

		CHECK(record != NULL);
		CHECK_EQ((uintptr_t)record % REGION_LINE, 0);
		CHECK_EQ(record->kind, REGION_PENDING);
		CHECK_EQ(record->length, REGION_ROUND(lengths[i]));
		CHECK(filled(record) && ((char *)(record + 1))[0] == 0);
		used += record->length;
		CHECK_EQ(store->used, used);
	}
	module = store_record(sizeof(*module) + 5);
	module->module.id = 3;
	view = store_view();
	CHECK(region_next(&view, &offset) == NULL); /* none is ready */
	store_ready(&module->record, REGION_MODULE);
	offset = 0;
	next = region_next(&view, &offset);
	CHECK(next == &module->record);
	CHECK_EQ(pread(region_fd, &seen, sizeof(seen), (char *)module - (char *)store), sizeof(seen));
	CHECK_EQ(seen.module.id, 3);
}

static void *add_many(void *number)
{
	uint64_t random = (uintptr_t)number + 7;

	for (unsigned i = 0; i < RECORDS; i++)
		add(8 + (uint32_t)random_below(&random, i % 50 ? 500 : 20000), (unsigned char)((uintptr_t)number + 1));
	return NULL;
}

static void test_threads(void)
{
	struct region_view view;
	unsigned wrong = 0;

	agent_begin(64 * MEGABYTE);
	in_threads(THREADS, add_many);
	CHECK_EQ(count_records(&wrong), THREADS * RECORDS);
	CHECK_EQ(wrong, 0);
	view = store_view();
	CHECK_EQ(region_check(&view), 0);
	CHECK_EQ(store->agent.lost, 0);
	CHECK_EQ(store->agent.dropped, 0);
}

static void test_full(void)
{
	struct region_view view;
	unsigned n = 0, wrong = 0;
	uint64_t offset = 0;

	agent_begin(MEGABYTE);
	while (add(1000, 5))
		n++;
	CHECK(n > 300 && n < 600);
	CHECK_EQ(store->agent.lost, LOST_REGION_FULL);
	CHECK_EQ(store->agent.dropped, 1);
	for (unsigned i = 0; i < 10; i++)
		CHECK(store_record(4096) == NULL);
	CHECK_EQ(store->agent.dropped, 11);
	CHECK(store_record(UINT32_MAX - 100) == NULL);
	CHECK_EQ(count_records(&wrong), n);
	CHECK_EQ(wrong, 0);
	view = store_view();
	CHECK(view.size <= MEGABYTE);
	CHECK_EQ(region_check(&view), 0);
	CHECK(region_next(&view, &offset) == NULL);
}

static void test_full_threads(void)
{
	unsigned wrong = 0, n;

	agent_begin(MEGABYTE);
	in_threads(THREADS, add_many);
	n = count_records(&wrong);
	CHECK_EQ(wrong, 0);
	CHECK_EQ(n + store->agent.dropped, THREADS * RECORDS);
	CHECK_EQ(store->agent.lost, LOST_REGION_FULL);
}

static void test_no_memfd(void)
{
	struct region_view view;
	unsigned wrong = 0;

	forbid(SYS_memfd_create, ENOSYS);
	CHECK_EQ(agent_begin(4 * MEGABYTE), -1);
	CHECK_EQ(store->agent.lost, LOST_REGION_SHARED);
	for (unsigned i = 0; i < 1000; i++)
		CHECK(add(1000, 9) != NULL);
	CHECK_EQ(count_records(&wrong), 1000);
	CHECK_EQ(wrong, 0);
	view = store_view();
	CHECK_EQ(region_check(&view), 0);
}

/* The limits of a small container: neither file nor address space. */
static void test_no_memory(void)
{
	int fd = 99;

	forbid(SYS_mmap, ENOMEM);
	CHECK(!store_open(4 * MEGABYTE, &fd));
	CHECK_EQ(fd, -1);
	CHECK(store == NULL);
	CHECK_EQ(dup(0), 3); /* no descriptor stays */
}

static void test_open_ahead(void)
{
	unsigned n = 0;

	agent_begin(32 * MEGABYTE);
	store_open_ahead(4 * MEGABYTE);
	forbid(SYS_mprotect, EPERM);
	while (add(4096, 1))
		n++;
	CHECK(n >= 1024 && n < 2048);
	CHECK_EQ(store->agent.lost, LOST_REGION_FULL);
	CHECK_EQ(store->agent.dropped, 1);
}

static void test_open_ahead_of_end(void)
{
	agent_begin(MEGABYTE);
	store_open_ahead(UINT64_C(1) << 30);
	CHECK_EQ(store_view().size, MEGABYTE);
	forbid(SYS_mprotect, EPERM);
	while (add(4096, 1))
		;
	CHECK(store->used >= MEGABYTE);
}

/* Everything of the region that is in use. */
static uint64_t digest(void)
{
	const uint64_t *words = (const uint64_t *)store;
	uint64_t sum = 0, n = (store->used < store_view().size ? store->used : store_view().size) / 8;

	for (uint64_t i = 0; i < n; i++)
		sum = (sum ^ words[i]) * UINT64_C(0x9e3779b97f4a7c15);
	return sum;
}

static struct region_record *kept;
static uint64_t parent_stream, parent_used;
static int parent_wrote[2], child_wrote[2];

/* The child's: what was there is there, at the same place; what it writes is its own. */
static void copy_and_write(void)
{
	struct region_header *before = store;
	struct region_header head;
	struct stat ours, parents;
	unsigned wrong = 0;
	char byte;
	int fd;

	CHECK(store_copy(&fd));
	CHECK(store == before);
	CHECK(store->stream != parent_stream && store->stream != 0);
	CHECK_EQ(store->used, parent_used);
	CHECK(filled(kept) && ((char *)(kept + 1))[0] == 7);
	CHECK_EQ(count_records(&wrong), 1001);
	if (fd >= 0) {
		CHECK_EQ(fcntl(fd, F_GET_SEALS), F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
		CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
		CHECK(fstat(fd, &ours) == 0 && fstat(region_fd, &parents) == 0 && ours.st_ino != parents.st_ino);
		CHECK_EQ(ours.st_size, store->size);
		CHECK_EQ(pread(fd, &head, sizeof(head), 0), sizeof(head));
		CHECK_EQ(head.stream, store->stream);
	}
	CHECK_EQ((store->agent.lost & LOST_REGION_SHARED) != 0, fd < 0);
	fill(kept, 8);
	store->agent.dropped = 5;
	for (unsigned i = 0; i < 2000; i++)
		CHECK(add(1000, 3) != NULL);
	CHECK_EQ(write(child_wrote[1], "", 1), 1);
	CHECK_EQ(read(parent_wrote[0], &byte, 1), 1);
	CHECK(filled(kept) && ((char *)(kept + 1))[0] == 8);
	CHECK_EQ(count_records(&wrong), 3001);
	CHECK_EQ(wrong, 0);
}

static void copy_privately(void)
{
	forbid(SYS_memfd_create, ENOSYS);
	copy_and_write();
}

static void fork_and_write(void (*child)(void))
{
	uint64_t before;
	int status;
	pid_t pid;
	char byte;

	kept = add(5000, 7);
	for (unsigned i = 0; i < 1000; i++)
		add(1000, (unsigned char)i);
	parent_stream = store->stream;
	parent_used = store->used;
	if (pipe(parent_wrote) || pipe(child_wrote))
		abort();
	before = digest();
	fflush(stdout);
	pid = fork();
	if (!pid) {
		child();
		fflush(stdout);
		_exit(check_failures != 0);
	}
	close(child_wrote[1]);
	CHECK_EQ(read(child_wrote[0], &byte, 1), 1);
	CHECK_EQ(digest(), before);
	for (unsigned i = 0; i < 2500; i++)
		add(1000, 4);
	fill(kept, 9);
	before = digest();
	CHECK_EQ(write(parent_wrote[1], "", 1), 1);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	CHECK_EQ(digest(), before);
	CHECK_EQ(store->agent.dropped, 0);
	CHECK_EQ(store->stream, parent_stream);
	CHECK_EQ(store->agent.lost & LOST_REGION_SHARED, region_fd < 0 ? LOST_REGION_SHARED : 0);
}

static void test_copy(void)
{
	region_fd = agent_begin(16 * MEGABYTE);
	fork_and_write(copy_and_write);
}

static void test_copy_private(void)
{
	region_fd = agent_begin(16 * MEGABYTE);
	fork_and_write(copy_privately);
}

static void test_private_copy_private(void)
{
	forbid(SYS_memfd_create, ENOSYS);
	region_fd = agent_begin(16 * MEGABYTE);
	fork_and_write(copy_and_write);
}

/* A region that was full when it was copied is full, and whole. */
static void copy_full(void)
{
	unsigned wrong = 0, n = count_records(&wrong);
	int fd;

	CHECK(store_copy(&fd));
	CHECK_EQ(count_records(&wrong), n);
	CHECK_EQ(wrong, 0);
	CHECK(store_record(1000) == NULL);
}

static void test_copy_full(void)
{
	agent_begin(MEGABYTE);
	while (add(1000, 5))
		;
	CASE(copy_full);
}

static void test_streams(void)
{
	uint64_t names[500];

	for (unsigned i = 0; i < 500; i++) {
		names[i] = store_stream();
		for (unsigned j = 0; j < i; j++)
			if (names[i] == names[j] || !names[i])
				CHECK(!"a name of its own");
	}
}

int main(void)
{
	CASE(test_open);
	CASE(test_records);
	CASE(test_threads);
	CASE(test_full);
	CASE(test_full_threads);
	CASE(test_no_memfd);
	if (!CHECK_THREAD_SANITIZER)
		CASE(test_no_memory);
	CASE(test_open_ahead);
	CASE(test_open_ahead_of_end);
	CASE(test_copy);
	CASE(test_copy_private);
	CASE(test_private_copy_private);
	CASE(test_copy_full);
	CASE(test_streams);
	return check_result();
}
