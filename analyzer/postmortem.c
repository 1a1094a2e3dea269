/*
 * Post-mortem -- a region, read with pread into a copy; every length in it is checked first.
 */
#include "analyzer/postmortem.h"
#include "analyzer/cleanup.h"
#include "analyzer/procfs.h"
#include "protocol/snapshot.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define REGION_MAX (UINT64_C(4) << 30) /* bytes; far more than an agent makes */
#define HOLES_MAX (UINT64_C(4) << 20)  /* bytes in use to which nothing was written */
#define READ_TRIES 4

bool region_is_sealed(int memfd)
{
	int seals = fcntl(memfd, F_GET_SEALS);

	return seals >= 0 && (seals & F_SEAL_SHRINK) && (seals & F_SEAL_GROW);
}

static int read_at(int fd, void *data, size_t size, uint64_t offset)
{
	char *to = data;

	while (size) {
		ssize_t n = pread(fd, to, size, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EBADMSG;
		to += n;
		size -= (size_t)n;
		offset += (uint64_t)n;
	}
	return 0;
}

/* The header, at a moment when the sampler thread does not change it; if that does not come, as it is. */
static int read_header(int memfd, struct region_header *header)
{
	for (unsigned i = 0; i < READ_TRIES; i++) {
		int r = read_at(memfd, header, REGION_HEADER_SIZE, 0);
		uint32_t after;

		if (r < 0)
			return r;
		r = read_at(memfd, &after, sizeof(after), offsetof(struct region_header, history_sequence));
		if (r < 0 || (after == header->history_sequence && after % 2 == 0))
			return r;
		usleep(100);
	}
	header->history_sequence &= ~1u; /* its writer is dead: told as it was left */
	return 0;
}

static int sum(struct region_copy *copy)
{
	uint64_t most = copy->view.size / REGION_LINE + 1; /* each callsite has a record, and ids are given from 1 on */

	copy->n_sums = region_callsite_bound(&copy->view);
	if (copy->n_sums > most)
		copy->n_sums = (uint32_t)most;
	copy->sums = calloc(copy->n_sums, sizeof(*copy->sums));
	if (!copy->sums)
		return -ENOMEM;
	region_sum(&copy->view, copy->sums, copy->n_sums);
	return 0;
}

static int read_records(struct region_copy *copy, int memfd, uint64_t used)
{
	void *grown;
	int r;

	if (used > REGION_HEADER_SIZE) {
		grown = realloc(copy->bytes, used);
		if (!grown)
			return -ENOMEM;
		copy->bytes = grown;
		r = read_at(memfd, copy->bytes + REGION_HEADER_SIZE, used - REGION_HEADER_SIZE, REGION_HEADER_SIZE);
		if (r < 0)
			return r;
		copy->view.size = used;
	}
	copy->view.base = copy->bytes;
	r = region_check(&copy->view);
	return r < 0 ? r : sum(copy);
}

/* How much of the region to read: what it says, as far as that is there. One that says much has taken the memory. */
static uint64_t size_to_read(const struct region_header *header, const struct stat *status)
{
	uint64_t size = (uint64_t)status->st_size, taken = (uint64_t)status->st_blocks * 512 + HOLES_MAX;

	size = size < REGION_MAX ? size : REGION_MAX;
	size = size < taken ? size : taken;
	return (header->used < size ? header->used : size) & ~(uint64_t)7;
}

int region_copy_read(struct region_copy *copy, int memfd)
{
	struct region_header *header;
	struct stat status;
	int r;

	*copy = (struct region_copy){0};
	if (memfd < 0 || fstat(memfd, &status) < 0 || !region_is_sealed(memfd) ||
	    (uint64_t)status.st_size < REGION_HEADER_SIZE)
		return -EBADMSG;
	copy->bytes = malloc(REGION_HEADER_SIZE);
	if (!copy->bytes)
		return -ENOMEM;
	header = (struct region_header *)copy->bytes;
	r = read_header(memfd, header);
	if (r == 0) {
		copy->view.size = REGION_HEADER_SIZE;
		r = read_records(copy, memfd, size_to_read(header, &status));
	}
	if (r < 0)
		region_copy_fini(copy);
	return r;
}

void region_copy_fini(struct region_copy *copy)
{
	free(copy->bytes);
	free(copy->sums);
	*copy = (struct region_copy){0};
}

void region_copy_end(struct region_copy *copy, const struct wire_end *end)
{
	((struct region_header *)copy->bytes)->end = *end;
}

void region_copy_sample(struct region_copy *copy, int pid)
{
	struct region_header *header = (struct region_header *)copy->bytes;
	struct wire_sample sample = {0};
	struct timespec now;

	if (proc_sample(pid, &sample) < 0)
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	sample.time_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	if (sample.time_ns < header->process.start_monotonic_ns)
		return; /* it is in a time namespace: its clock is not ours */
	sample.time_ns -= header->process.start_monotonic_ns;
	for (uint32_t i = 0; i < copy->n_sums; i++) {
		sample.live_bytes += copy->sums[i].allocated_bytes - copy->sums[i].freed_bytes;
		sample.live_blocks += copy->sums[i].allocated_blocks - copy->sums[i].freed_blocks;
	}
	sample.agent_bytes = header->agent.memory_bytes;
	sample.agent_cpu_ns = header->agent.cpu_ns;
	if (header->n_history >= REGION_HISTORY) {
		header->n_history = REGION_HISTORY - 1;
		memmove(header->history, header->history + 1, header->n_history * sizeof(sample));
	}
	header->history[header->n_history++] = sample;
}

int region_copy_tell(const struct region_copy *copy, uint64_t stream, uint16_t type, bool hello, frame_sink sink,
		     void *context)
{
	cleanup_free unsigned char *buffer = aligned_alloc(8, FRAME_MAX);
	struct snapshot_state state = {0};
	struct frame_builder builder;

	if (!buffer)
		return -ENOMEM;
	frame_init(&builder, buffer, stream, sink, context);
	if (hello && !snapshot_hello(&builder, &copy->view))
		return -EIO;
	if (!snapshot_encode(&builder, &copy->view, type, FRAME_POST_MORTEM, copy->sums, copy->n_sums, &state))
		return -EIO;
	return 0;
}

int postmortem_tell_end(uint64_t stream, const struct wire_end *end, frame_sink sink, void *context)
{
	uint64_t buffer[FRAME_MAX / sizeof(uint64_t)];
	struct frame_builder builder;
	struct wire_end *body;

	frame_init(&builder, (unsigned char *)buffer, stream, sink, context);
	frame_begin(&builder, FRAME_SNAPSHOT, FRAME_POST_MORTEM);
	body = frame_record(&builder, WIRE_END, sizeof(*body));
	if (body)
		*body = *end;
	return frame_end(&builder, FRAME_LAST) ? 0 : -EIO;
}
