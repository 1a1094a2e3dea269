/*
 * Fuzzes the collector: agents and clients that connect, say anything, hand over regions that hold anything, and go.
 *
 * An input is a list of acts, each a struct act and its bytes.
 */
#include "analyzer/collector.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/stream.h"
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define PEERS 8u
#define ACTS 64u
#define PID_NONE 0x3ffffff /* beyond any the kernel gives */

enum act_kind { ACT_CONNECT, ACT_SEND, ACT_HAND_OVER, ACT_CLOSE, ACT_STEP, ACT_READ, ACT_TRUNCATE, N_ACTS };

struct act {
	uint8_t kind, peer, flags, as_it_is; /* as_it_is 0: magic and length are made right */
	uint32_t length;
};

static int peers[PEERS], memfds[PEERS];
static struct collector *collector;

static size_t add_act(uint8_t *data, size_t at, size_t size, struct act act, const void *bytes)
{
	if (at + sizeof(act) + act.length > size)
		return at;
	memcpy(data + at, &act, sizeof(act));
	if (act.length)
		memcpy(data + at + sizeof(act), bytes, act.length);
	return at + sizeof(act) + act.length;
}

/* A whole life: hello with or without a region, snapshots, then an end. */
static size_t seed_life(uint8_t *data, size_t size, bool region)
{
	struct kept kept = stream_frames(5);
	struct image image = stream_image(17);
	const struct region_header *header = image_header(&image);
	uint32_t records = (uint32_t)(header->used - REGION_HEADER_SIZE);
	size_t at = add_act(data, 0, size, (struct act){ACT_CONNECT, 0, 0, 0, 0}, NULL);
	bool first = true;

	for (size_t from = 0; from < kept.length;) {
		uint32_t length = ((struct wire_header *)(kept.data + from))->length;

		if (first && region)
			at = add_act(data, at, size, (struct act){ACT_HAND_OVER, 0, 0, 0, records},
				     image.base + REGION_HEADER_SIZE);
		at = add_act(data, at, size, (struct act){ACT_SEND, 0, 0, 0, length}, kept.data + from);
		at = add_act(data, at, size, (struct act){ACT_STEP, 0, 0, 0, 0}, NULL);
		from += length;
		first = false;
	}
	free(image.base);
	kept_clear(&kept);
	return add_act(data, at, size, (struct act){ACT_CLOSE, 0, 0, 0, 0}, NULL);
}

static size_t seed_query(uint8_t *data, size_t size, uint32_t what)
{
	struct {
		struct wire_header header;
		struct wire_record record;
		struct wire_query query;
		char text[16];
	} frame = {{WIRE_MAGIC, sizeof(frame), FRAME_QUERY, 0, 0, 0},
		   {WIRE_QUERY, 0, sizeof(frame) - sizeof(frame.header)},
		   {what, PID_NONE},
		   "interval=1s"};
	size_t at = seed_life(data, size, true);

	at = add_act(data, at, size, (struct act){ACT_STEP, 0, 0, 0, 0}, NULL);
	at = add_act(data, at, size, (struct act){ACT_CONNECT, 1, 1, 0, 0}, NULL);
	at = add_act(data, at, size, (struct act){ACT_SEND, 1, 0, 0, sizeof(frame)}, &frame);
	at = add_act(data, at, size, (struct act){ACT_STEP, 0, 0, 0, 0}, NULL);
	return add_act(data, at, size, (struct act){ACT_READ, 1, 0, 0, 0}, NULL);
}

size_t fuzz_seed(unsigned n, uint8_t *data, size_t size)
{
	if (n < 2)
		return seed_life(data, size, n);
	return n < 6 ? seed_query(data, size, n - 1) : 0;
}

static void hang_up(unsigned peer)
{
	if (peers[peer] >= 0)
		close(peers[peer]);
	if (memfds[peer] >= 0)
		close(memfds[peer]);
	peers[peer] = memfds[peer] = -1;
}

static void connect_peer(unsigned peer, uint8_t flags)
{
	int pair[2];

	hang_up(peer);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0)
		return;
	peers[peer] = pair[0];
	if (collector_adopt(collector, pair[1], flags & 1 ? getpid() : PID_NONE) < 0)
		close(pair[1]);
}

/* The next frame of the peer carries a region of these records; a bit of the flags spoils each of its virtues. */
static void make_region(unsigned peer, uint8_t flags, const uint8_t *records, size_t size)
{
	static struct region_header header;
	int fd = memfd_create("region", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	header = (struct region_header){.magic = REGION_MAGIC, .version = REGION_VERSION};
	header.header_size = flags & 1 ? 0 : REGION_HEADER_SIZE;
	header.used = flags & 2 ? UINT64_MAX : REGION_HEADER_SIZE + size;
	header.n_history = flags & 4 ? UINT32_MAX : 1;
	header.process.exe_length = header.process.command_length = flags & 8 ? UINT32_MAX : 4;
	header.history_sequence = flags & 16 ? 1 : 0;
	header.end.how = flags & 32 ? UINT32_MAX : END_EXIT;
	if (memfds[peer] >= 0)
		close(memfds[peer]);
	memfds[peer] = fd;
	if (fd < 0 || pwrite(fd, &header, sizeof(header), 0) < 0 || pwrite(fd, records, size, REGION_HEADER_SIZE) < 0)
		return;
	if (!(flags & 64))
		fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
}

static void say(unsigned peer, const struct act *act, const uint8_t *data, size_t size)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr header;
	} control = {.header = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
	static uint64_t buffer[FRAME_MAX / 8 + 1];
	struct iovec part = {buffer, size < sizeof(buffer) ? size : sizeof(buffer)};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	struct wire_header *header = (struct wire_header *)buffer;

	memcpy(buffer, data, part.iov_len);
	if (!act->as_it_is && part.iov_len >= sizeof(*header)) {
		header->magic = WIRE_MAGIC;
		header->length = (uint32_t)part.iov_len;
	}
	if (memfds[peer] >= 0) {
		memcpy(CMSG_DATA(&control.header), &memfds[peer], sizeof(int));
		message.msg_control = &control;
		message.msg_controllen = sizeof(control.bytes);
	}
	fuzz_read += (uint64_t)sendmsg(peers[peer], &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (memfds[peer] >= 0 && !(act->flags & 1)) {
		close(memfds[peer]);
		memfds[peer] = -1;
	}
}

static void perform(const struct act *act, const uint8_t *data, size_t size)
{
	static uint64_t buffer[FRAME_MAX / 8];
	unsigned peer = act->peer % PEERS;

	switch (act->kind % N_ACTS) {
	case ACT_CONNECT:
		connect_peer(peer, act->flags);
		break;
	case ACT_SEND:
		say(peer, act, data, size);
		break;
	case ACT_HAND_OVER:
		make_region(peer, act->flags, data, size);
		break;
	case ACT_TRUNCATE:
		fuzz_read += (uint64_t)ftruncate(memfds[peer], (off_t)size);
		break;
	case ACT_CLOSE:
		hang_up(peer);
		break;
	case ACT_READ:
		while (recv(peers[peer], buffer, sizeof(buffer), MSG_DONTWAIT) > 0)
			fuzz_read += buffer[0];
		break;
	default:
		collector_step(collector, 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned n = 0, peer;
	size_t at = 0;
	struct act act;

	if (!collector)
		collector = malloc(sizeof(*collector));
	FUZZ_CHECK(collector && collector_init(collector) == 0);
	collector->keep_ended = 2;
	memset(peers, -1, sizeof(peers));
	memset(memfds, -1, sizeof(memfds));
	for (; size - at >= sizeof(act) && n < ACTS; n++) {
		memcpy(&act, data + at, sizeof(act));
		at += sizeof(act);
		act.length = act.length < size - at ? act.length : (uint32_t)(size - at);
		perform(&act, data + at, act.length);
		at += act.length;
	}
	collector_step(collector, 0);
	for (peer = 0; peer < PEERS; peer++)
		hang_up(peer);
	collector_step(collector, 0);
	collector_fini(collector);
	return 0;
}
