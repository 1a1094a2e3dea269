/*
 * Telling. See tell.h.
 */
#include "agent/tell.h"
#include "agent/callsite.h"
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
static struct region_cell *sums;
static uint32_t n_sums, n_allocated; /* of sums and told.told */

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

/* Room for the sums of all callsites there are. */
static bool sums_room(uint32_t n)
{
	uint32_t more = n_allocated ? n_allocated : 1024;
	struct region_cell *s, *t;

	if (n <= n_allocated)
		return true;
	while (more < n)
		more *= 2;
	s = memory_map(more * sizeof(*s));
	t = memory_map(more * sizeof(*t));
	if (!s || !t)
		return false;
	if (n_allocated) {
		memcpy(t, told.told, n_allocated * sizeof(*t));
		memory_unmap(sums, n_allocated * sizeof(*s));
		memory_unmap(told.told, n_allocated * sizeof(*t));
	}
	sums = s;
	told.told = t;
	told.n_told = n_allocated = more;
	return true;
}

const struct region_cell *tell_sums(uint32_t *n)
{
	struct region_view view = store_view();

	n_sums = callsite_count() + 1;
	if (!sums_room(n_sums))
		n_sums = n_allocated;
	if (n_sums) {
		memset(sums, 0, n_sums * sizeof(*sums));
		region_sum(&view, sums, n_sums);
	}
	*n = n_sums;
	return sums;
}

void tell_forget(void)
{
	told.record_offset = 0;
	told.sample_time = 0;
}

bool tell_hello(int region_fd)
{
	struct telling t = telling_begin(region_fd, HELLO_WAIT_MS);
	struct region_view view = store_view();
	struct frame_builder b;
	bool said = false;

	if (!link_lock(HELLO_WAIT_MS))
		return false;
	if (link_is_open() && link_descriptor() >= 0) {
		said = true;
	} else if (link_open()) {
		sequence = 0;
		tell_forget();
		said = builder_open(&b, &t) && snapshot_hello(&b, &view);
		sequence = b.sequence;
		if (!said)
			link_close();
	}
	link_unlock();
	return said;
}

bool tell_snapshot(uint16_t type, int wait_ms)
{
	struct telling t = telling_begin(-1, wait_ms);
	struct region_view view = store_view();
	struct frame_builder b;
	bool whole = false;

	if (!link_is_open() || !link_lock(wait_ms))
		return false;
	if (builder_open(&b, &t)) {
		whole = snapshot_encode(&b, &view, type, 0, sums, n_sums, &told);
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
