/*
 * Tests of analyzer/recorder: what was written is read again; a full disk leaves whole frames; tails are told.
 */
#include "analyzer/recorder.h"
#include "tests/unit/check.h"
#include "tests/unit/image.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define N_FRAMES 500

static char path[] = "/tmp/guard-test-XXXXXX";

static bool record(void *recorder, const struct wire_header *frame)
{
	recorder_write(recorder, frame);
	return true;
}

static void write_frames(struct recorder *recorder, unsigned n)
{
	static _Alignas(8) unsigned char buffer[FRAME_MAX];
	struct wire_sample sample = {0};
	struct frame_builder builder;

	frame_init(&builder, buffer, 42, record, recorder);
	for (unsigned i = 0; i < n; i++) {
		sample.time_ns = i + 1;
		frame_begin(&builder, FRAME_SNAPSHOT, 0);
		memcpy(frame_record(&builder, WIRE_SAMPLE, sizeof(sample)), &sample, sizeof(sample));
		frame_end(&builder, FRAME_LAST);
	}
}

/* Reads the file; returns how many samples were in it. */
static size_t read_back(uint64_t *whole, uint64_t *rest)
{
	int fd = open(path, O_RDONLY);
	struct model model;
	size_t n;

	model_init(&model);
	CHECK_EQ(recording_read(&model, fd, whole, rest), 0);
	n = model.processes ? model.processes->n_samples : 0;
	model_fini(&model);
	close(fd);
	return n;
}

static uint64_t size_of_file(void)
{
	struct stat status;

	CHECK_EQ(stat(path, &status), 0);
	return (uint64_t)status.st_size;
}

static void test_round_trip(void)
{
	struct recorder recorder;
	uint64_t whole, rest;

	CHECK_EQ(recorder_init(&recorder, path), 0);
	write_frames(&recorder, 20000); /* more than one piece */
	recorder_fini(&recorder);
	CHECK(size_of_file() > 3000000);
	CHECK(read_back(&whole, &rest) > 8000);
	CHECK_EQ(whole, size_of_file());
	CHECK_EQ(rest, 0);
}

static void test_tail(void)
{
	struct recorder recorder;
	uint64_t size, whole, rest;
	FILE *file;

	CHECK_EQ(recorder_init(&recorder, path), 0);
	write_frames(&recorder, N_FRAMES);
	recorder_fini(&recorder);
	size = size_of_file();
	CHECK_EQ(truncate(path, (off_t)size - 1), 0);
	CHECK_EQ(read_back(&whole, &rest), N_FRAMES - 1);
	CHECK_EQ(whole + rest, size - 1);
	CHECK(rest > 0);
	CHECK_EQ(truncate(path, (off_t)whole), 0);
	file = fopen(path, "a");
	for (unsigned i = 0; i < 300000; i++)
		fputs("something else", file);
	fclose(file);
	CHECK_EQ(read_back(&whole, &rest), N_FRAMES - 1);
	CHECK_EQ(rest, 300000 * strlen("something else"));
	CHECK_EQ(truncate(path, 0), 0);
	CHECK_EQ(read_back(&whole, &rest), 0);
	CHECK_EQ(whole, 0);
}

static void test_full_disk(void)
{
	struct rlimit limit = {10000, RLIM_INFINITY}, before;
	struct recorder recorder;
	uint64_t whole, rest;

	CHECK_EQ(recorder_init(&recorder, path), 0);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	setrlimit(RLIMIT_FSIZE, &limit);
	write_frames(&recorder, N_FRAMES);
	setrlimit(RLIMIT_FSIZE, &before);
	CHECK_EQ(recorder.fd, -1);
	recorder_fini(&recorder);
	CHECK(read_back(&whole, &rest) > 10);
	CHECK(whole <= 10000 && whole > 9000);
	CHECK_EQ(rest, 0);
	CHECK_EQ(recorder_init(&recorder, "/nonexistent/x"), -ENOENT);
}

int main(void)
{
	int fd = mkstemp(path);

	if (fd < 0 || !freopen("/dev/null", "w", stderr))
		return 77;
	close(fd);
	test_round_trip();
	test_tail();
	test_full_disk();
	unlink(path);
	return check_result();
}
