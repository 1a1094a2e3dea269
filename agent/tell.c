/*
 * Telling. See tell.h.
 */
#include "agent/tell.h"
#include "agent/link.h"
#include "agent/memory.h"
#include "agent/proc.h"
#include "agent/store.h"
#include "protocol/snapshot.h"
#include <string.h>

#define HELLO_WAIT_MS 100

static unsigned char *buffer; /* one frame */
static uint32_t sequence;
static struct snapshot_state told;
static struct memory_array told_counts; /* told.told */

struct telling {
	int pass; /* descriptor that goes with the first frame; -1: none */
	int wait_ms;
	uint64_t began; /* ns; wait_ms is for all frames together */
};

/* Reading the clock costs something, and is not needed where nothing is waited for. */
static struct telling telling_begin(int pass, int wait_ms)
{
	return (struct telling){pass, wait_ms, wait_ms ? proc_monotonic() : 0};
}

static int time_left_ms(const struct telling *t)
{
	uint64_t passed = t->wait_ms ? (proc_monotonic() - t->began) / 1000000 : 0;

	return passed < (uint64_t)t->wait_ms ? t->wait_ms - (int)passed : 0;
}

static bool send_frame(void *context, const struct wire_header *frame)
{
	struct telling *t = context;
	int pass = t->pass;

	t->pass = -1;
	if (link_send(frame, pass, time_left_ms(t)))
		return true;
	__atomic_fetch_add(&store->agent.frames_unsent, 1, __ATOMIC_RELAXED);
	return false;
}

static bool builder_open(struct frame_builder *b, struct telling *t)
{
	if (!buffer && !(buffer = memory_map(FRAME_MAX)))
		return false;
	frame_init(b, buffer, store->stream, send_frame, t);
	b->sequence = sequence;
	return true;
}

/* Room to remember the counts of so many callsites. Where there is none, those without it are told each time. */
static void told_room(uint32_t n)
{
	memory_room(&told_counts, n, sizeof(struct region_cell));
	told.told = told_counts.base;
	told.n_told = told_counts.room;
}

void tell_forget(void)
{
	told.record_offset = 0;
	told.sample_time = 0;
}

/* Under the link's lock: there is a connection in this thread's table of descriptors, or now there is one. */
static bool connected(struct telling *t)
{
	struct region_view view = store_view();
	struct frame_builder b;
	bool said;

	if (link_is_open() && link_descriptor() >= 0)
		return true;
	if (!link_open())
		return false;
	sequence = 0;
	tell_forget();
	said = builder_open(&b, t) && snapshot_hello(&b, &view);
	sequence = b.sequence;
	if (!said)
		link_close();
	return said;
}

bool tell_hello(int region_fd)
{
	struct telling t = telling_begin(region_fd, HELLO_WAIT_MS);
	bool said;

	if (!link_lock(HELLO_WAIT_MS))
		return false;
	said = connected(&t);
	link_unlock();
	return said;
}

bool tell_snapshot(uint16_t type, uint16_t flags, const struct sums *sums, int wait_ms)
{
	struct telling t = telling_begin(-1, wait_ms);
	struct region_view view = store_view();
	struct frame_builder b;
	bool whole = false;

	if (!link_is_open() || !link_lock(wait_ms))
		return false;
	/* Who ends the process may not have the connection, where the sampler thread made it. */
	if (type == FRAME_FINAL && !connected(&t)) {
		link_unlock();
		return false;
	}
	told_room(sums->n);
	if (builder_open(&b, &t)) {
		whole = snapshot_encode(&b, &view, type, flags, sums_cells(sums), sums->n, &told);
		sequence = b.sequence;
	}
	if (!whole)
		tell_forget();
	link_unlock();
	return whole;
}

void tell_event(uint32_t kind, uint32_t value, const char *text)
{
	struct telling t = telling_begin(-1, 0);
	struct frame_builder b;
	struct wire_event *event;
	size_t length = strlen(text);

	if (!link_is_open() || !link_lock(10))
		return;
	if (builder_open(&b, &t)) {
		frame_begin(&b, FRAME_EVENT, 0);
		event = frame_record(&b, WIRE_EVENT, (uint32_t)(sizeof(*event) + length));
		if (event) {
			event->time_ns = proc_monotonic() - store->process.start_monotonic_ns;
			event->kind = kind;
			event->value = value;
			memcpy(event + 1, text, length);
		}
		frame_end(&b, FRAME_LAST);
		sequence = b.sequence;
	}
	link_unlock();
}
