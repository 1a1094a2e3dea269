/*
 * Hearing. See hear.h.
 */
#include "agent/hear.h"
#include "agent/governor.h"
#include "agent/judge.h"
#include "agent/link.h"
#include "agent/look.h"
#include "agent/mode.h"
#include "agent/settings.h"
#include "agent/store.h"
#include "agent/sys.h"
#include "agent/tell.h"
#include "protocol/frame.h"
#include "protocol/options.h"
#include <string.h>

#define LOCK_WAIT_MS 100
#define MARK_WAIT_MS 1000
#define MARK_NAME_MAX 64
#define FRAMES_A_TIME 64 /* who has more to say is heard again later */

static char frame_buffer[FRAME_MAX] __attribute__((aligned(8)));

/* Options have changed. */
static void apply(void)
{
	governor_configure(mode_configure());
	judge_configure();
}

static void set_option(const struct wire_header *frame)
{
	const struct wire_record *record = NULL;
	char text[OPTION_TEXT_MAX], error[256] = "";
	bool malformed = false;
	size_t length;

	while ((record = frame_next(frame, record, &malformed))) {
		length = record_size(record);
		if (record->kind != WIRE_TEXT || length >= sizeof(text))
			continue;
		memcpy(text, record_body(record, 0), length);
		text[length] = '\0';
		if (settings_change(text, error, sizeof(error)))
			apply();
		else
			tell_event(EVENT_WARNING, 0, error);
	}
}

/* The name in a MARK, cut. */
static void mark(const struct wire_header *frame)
{
	const struct wire_record *record = frame_next(frame, NULL, NULL);
	char name[MARK_NAME_MAX] = "";

	if (record && record->kind == WIRE_TEXT)
		memcpy(name, record_body(record, 0),
		       record_size(record) < sizeof(name) ? record_size(record) : sizeof(name) - 1);
	look_mark(name, MARK_WAIT_MS);
}

/* What is to be done without the lock on the connection. */
static void obey(const struct wire_header *frame)
{
	if (frame->type == FRAME_SET)
		set_option(frame);
	else
		mark(frame);
}

bool hear(void)
{
	const struct wire_header *frame = (const void *)frame_buffer;
	bool snapshot = false;

	if (!link_lock(LOCK_WAIT_MS))
		return false;
	for (unsigned i = 0; i < FRAMES_A_TIME && link_receive(frame_buffer) > 0; i++) {
		if (frame->type == FRAME_SET || frame->type == FRAME_MARK) {
			link_unlock();
			obey(frame);
			if (!link_lock(LOCK_WAIT_MS))
				return true;
		}
		snapshot |= frame->type >= FRAME_CHECK && frame->type <= FRAME_MARK;
	}
	link_unlock();
	return snapshot;
}

/* The region's descriptor again, for an analyzer that came late; only root may have it. */
static int region_descriptor(void)
{
	static const char digits[] = "0123456789abcdef";
	uint64_t ends[2] = {(uint64_t)store, (uint64_t)store};
	char path[80] = "/proc/self/map_files/";
	struct region_view view = store_view();
	size_t n = strlen(path);

	ends[1] += view.size;
	for (int e = 0; e < 2; e++) {
		bool begun = false;

		for (int shift = 60; shift >= 0; shift -= 4) {
			begun |= ends[e] >> shift & 15;
			if (begun)
				path[n++] = digits[ends[e] >> shift & 15];
		}
		path[n++] = e ? '\0' : '-';
	}
	return (int)sys3(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
}

void hear_find_analyzer(void)
{
	int fd = region_descriptor();

	if (tell_hello(fd))
		look_tell();
	if (fd >= 0)
		sys3(SYS_close, fd, 0, 0);
}
