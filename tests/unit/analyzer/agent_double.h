/*
 * The agent's double -- a child process that speaks to a collector as the agent does: a sealed region in a
 * memfd, HELLO with it, and then whatever the test wants it to do.
 */
#pragma once
#include "protocol/snapshot.h"
#include "protocol/socket.h"
#include "tests/unit/image.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define DOUBLE_SIZE (4u << 20)

struct agent_double {
	struct image image;
	struct region_counters *counters;
	int memfd, socket;
	struct frame_builder builder;
	struct snapshot_state state;
	_Alignas(8) unsigned char buffer[FRAME_MAX];
};

static inline uint64_t double_clock(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline bool double_send(void *context, const struct wire_header *frame)
{
	struct agent_double *agent = context;

	return send(agent->socket, frame, frame->length, MSG_NOSIGNAL) == (ssize_t)frame->length;
}

/* A region with one callsite; the stream's number is the pid and `generation`. */
static inline void double_init(struct agent_double *agent, unsigned generation)
{
	struct region_header *header;

	agent->socket = -1;
	agent->memfd = memfd_create("double", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (ftruncate(agent->memfd, DOUBLE_SIZE) < 0 ||
	    fcntl(agent->memfd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) < 0)
		abort();
	agent->image.base = mmap(NULL, DOUBLE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, agent->memfd, 0);
	agent->image.size = DOUBLE_SIZE;
	header = image_header(&agent->image);
	header->magic = REGION_MAGIC;
	header->version = REGION_VERSION;
	header->header_size = REGION_HEADER_SIZE;
	header->size = DOUBLE_SIZE;
	header->used = REGION_HEADER_SIZE;
	header->stream = ((uint64_t)getpid() << 8) + generation;
	header->process.pid = getpid();
	header->process.uid = getuid();
	header->process.wire_version = WIRE_VERSION;
	header->process.start_monotonic_ns = double_clock(CLOCK_MONOTONIC);
	header->process.start_realtime_ns = double_clock(CLOCK_REALTIME);
	header->process.exe_length = (uint32_t)snprintf(header->exe, sizeof(header->exe), "/double");
	header->process.command_length = (uint32_t)snprintf(header->command, sizeof(header->command), "double");
	image_callsite(&agent->image, 1, 3);
	header->n_callsites = 1;
	agent->counters = image_counters(&agent->image, 0, 0);
	frame_init(&agent->builder, agent->buffer, header->stream, double_send, agent);
}

static inline void double_count(struct agent_double *agent, uint64_t allocated, uint64_t freed)
{
	struct region_cell *cell = &agent->counters->cells[1];

	cell->allocated_blocks += allocated;
	cell->allocated_bytes += allocated * 100;
	cell->freed_blocks += freed;
	cell->freed_bytes += freed * 100;
}

/* Connects and says HELLO, with the region's descriptor unless told not to. */
static inline void double_connect(struct agent_double *agent, const char *path, bool with_region)
{
	struct region_view view = image_view(&agent->image);
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct iovec vector;
	struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
	struct kept hello = {0};
	struct frame_builder builder;
	struct sockaddr_un address;

	socket_address(&address, path);
	agent->socket = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	for (unsigned i = 0; connect(agent->socket, (struct sockaddr *)&address, sizeof(address)) < 0; i++) {
		if (i == 6000)
			abort();
		usleep(10000);
	}
	frame_init(&builder, agent->buffer, image_header(&agent->image)->stream, keep, &hello);
	builder.sequence = agent->builder.sequence;
	snapshot_hello(&builder, &view);
	agent->builder.sequence = builder.sequence;
	vector = (struct iovec){hello.data, hello.length};
	if (with_region) {
		message.msg_control = control.bytes;
		message.msg_controllen = sizeof(control.bytes);
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.align), &agent->memfd, sizeof(int));
	}
	if (sendmsg(agent->socket, &message, 0) < 0)
		abort();
	kept_clear(&hello);
}

static inline void double_tell(struct agent_double *agent, uint16_t type, uint16_t flags)
{
	struct region_view view = image_view(&agent->image);
	struct region_cell sums[2] = {{0}};

	region_sum(&view, sums, 2);
	snapshot_encode(&agent->builder, &view, type, flags, sums, 2, &agent->state);
}

static inline void double_snapshot(struct agent_double *agent, uint16_t type)
{
	double_tell(agent, type, 0);
}

/* Says that what was asked for is done. */
static inline void double_answer(struct agent_double *agent)
{
	double_tell(agent, FRAME_SNAPSHOT, FRAME_ANSWER);
}

/* Waits for a frame of this type from the analyzer. */
static inline void double_await(struct agent_double *agent, uint16_t type)
{
	uint64_t frame[FRAME_MAX / 8];

	while (recv(agent->socket, frame, sizeof(frame), 0) > 0)
		if (((struct wire_header *)frame)->type == type)
			return;
}
