/*
 * Streams -- agents come, their frames are taken; how their processes end is found out in ending.c.
 */
#include "analyzer/stream.h"
#include "analyzer/connection.h"
#include "analyzer/procfs.h"
#include "protocol/frame.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define FRAMES_A_TURN 64 /* then others get theirs */
#define FINISH_MS 2000	 /* for what ended processes have still to say */

static void note_event(struct collector *collector, struct stream *stream, const struct wire_header *frame)
{
	struct process *process = model_find(&collector->model, frame->stream);
	const struct wire_record *record = NULL;

	while ((record = frame_next(frame, record, NULL))) {
		const struct wire_event *event = record_body(record, sizeof(*event));
		char text[256];

		if (record->kind != WIRE_EVENT || !event)
			continue;
		snprintf(text, sizeof(text), "%.*s", (int)(record_size(record) - sizeof(*event)),
			 (const char *)(event + 1));
		if (event->kind == EVENT_WARNING) {
			stream->n_warnings++;
			snprintf(stream->warning, sizeof(stream->warning), "%s", text);
		}
		if (collector->event && process)
			collector->event(collector, process, event, text);
	}
}

static void stream_take(struct collector *collector, struct stream *stream, const struct wire_header *frame)
{
	struct process *process;

	if (frame->stream != stream->id || frame->type < FRAME_HELLO || frame->type > FRAME_EVENT ||
	    (frame->flags & FRAME_POST_MORTEM)) {
		process = model_find(&collector->model, stream->id);
		if (process)
			process->malformed++;
		return;
	}
	collector_take(collector, frame);
	if (frame->type == FRAME_EVENT)
		note_event(collector, stream, frame);
	else if (frame->type != FRAME_HELLO && (frame->flags & FRAME_LAST)) {
		stream->n_snapshots++;
		stream->n_answers += (frame->flags & FRAME_ANSWER) != 0;
	}
}

bool stream_receive(struct collector *collector, struct stream *stream, unsigned limit)
{
	while (stream->socket.fd >= 0 && limit--) {
		int64_t n = connection_receive(stream->socket.fd, collector->frame, NULL);
		struct process *process;

		if (n > 0) {
			stream_take(collector, stream, (const struct wire_header *)collector->frame);
			continue;
		}
		if (n == -EBADMSG) {
			process = model_find(&collector->model, stream->id);
			if (process)
				process->malformed++;
			continue;
		}
		return n == -EAGAIN;
	}
	return true;
}

static void socket_ready(struct collector *collector, struct source *source, uint32_t events)
{
	struct stream *stream = (struct stream *)((char *)source - offsetof(struct stream, socket));

	(void)events;
	if (stream_receive(collector, stream, FRAMES_A_TURN))
		return;
	source_close(collector, &stream->socket);
	stream_examine(collector, stream);
}

static void pidfd_ready(struct collector *collector, struct source *source, uint32_t events)
{
	struct stream *stream = (struct stream *)((char *)source - offsetof(struct stream, pidfd));

	(void)events;
	source_set_events(collector, source, 0); /* it stays readable; streams_tick looks again */
	stream_examine(collector, stream);
}

struct stream *stream_of_pid(const struct collector *collector, int pid)
{
	struct stream *last = NULL;

	for (struct stream *stream = collector->streams; stream; stream = stream->next) {
		if (stream->pid != pid)
			continue;
		if (stream->state != STREAM_ENDED)
			return stream;
		if (!last || stream->end_number > last->end_number)
			last = stream;
	}
	return last;
}

struct stream *stream_of_id(const struct collector *collector, uint64_t id)
{
	for (struct stream *stream = collector->streams; stream; stream = stream->next)
		if (stream->id == id)
			return stream;
	return NULL;
}

static uint64_t start_of(const struct collector *collector, const struct stream *stream)
{
	const struct process *process = model_find((struct model *)&collector->model, stream->id);

	return process ? process->wire.start_monotonic_ns : 0;
}

/*
 * Two programs of one process: the one that started first was replaced by exec, whichever we heard of first.
 * Or they are of two processes: then the one before has ended and its pid was used again.
 */
static void end_predecessor(struct collector *collector, struct stream *one, struct stream *other)
{
	const struct wire_end end = {.how = END_EXEC};

	if (one->pidfd.fd < 0 || other->pidfd.fd < 0 || !proc_is_same(one->pidfd.fd, other->pidfd.fd))
		stream_give_up(collector, other);
	else if (start_of(collector, one) < start_of(collector, other))
		stream_end(collector, one, &end);
	else
		stream_end(collector, other, &end);
}

static void end_predecessors(struct collector *collector, struct stream *stream)
{
	for (struct stream *other = collector->streams; other; other = other->next)
		if (other != stream && other->pid == stream->pid && stream->pid > 0 && other->state != STREAM_ENDED &&
		    stream->state != STREAM_ENDED)
			end_predecessor(collector, stream, other);
}

static struct stream *stream_new(struct collector *collector, const struct wire_header *frame, int fd, int memfd,
				 int pid)
{
	struct stream *stream = calloc(1, sizeof(*stream));
	int pidfd = proc_open_peer(fd, pid);

	if (!stream) {
		if (pidfd >= 0)
			close(pidfd);
		return NULL;
	}
	stream->id = frame->stream;
	stream->pid = pid;
	stream->memfd = memfd;
	stream->socket.fd = stream->pidfd.fd = -1;
	stream->child = pid == collector->child.pid && pid > 0;
	stream->next = collector->streams;
	collector->streams = stream;
	collector->n_live++;
	collector->n_seen++;
	if (pidfd >= 0)
		source_add(collector, &stream->pidfd, pidfd, EPOLLIN, pidfd_ready);
	return stream;
}

void stream_hello(struct collector *collector, const struct wire_header *frame, int fd, int memfd, int pid)
{
	struct stream *stream = stream_of_id(collector, frame->stream);

	if (stream && (stream->pid != pid || stream->state == STREAM_ENDED)) {
		collector->n_refused++;
		goto refuse;
	}
	if (!stream) {
		if (model_find(&collector->model, frame->stream))
			goto refuse;
		stream = stream_new(collector, frame, fd, memfd, pid);
		if (!stream)
			goto refuse;
	} else { /* the host closed its descriptor, and the agent came back */
		stream_receive(collector, stream, UINT32_MAX);
		source_close(collector, &stream->socket);
		if (memfd >= 0 && stream->memfd >= 0)
			close(memfd);
		else if (memfd >= 0)
			stream->memfd = memfd;
		stream->state = STREAM_LIVE;
	}
	source_add(collector, &stream->socket, fd, EPOLLIN, socket_ready);
	collector_take(collector, frame);
	end_predecessors(collector, stream);
	return;
refuse:
	close(fd);
	if (memfd >= 0)
		close(memfd);
}

int stream_send(struct stream *stream, uint16_t type, const char *text)
{
	uint64_t buffer[FRAME_MAX / sizeof(uint64_t)];
	struct wire_header *frame =
		(struct wire_header *)connection_frame(buffer, type, 0, WIRE_TEXT, NULL, 0, text ? text : "");

	if (stream->socket.fd < 0)
		return -EPIPE;
	if (!frame)
		return -EMSGSIZE;
	frame->stream = stream->id;
	return connection_send(stream->socket.fd, frame);
}

bool streams_answered(const struct collector *collector)
{
	for (const struct stream *stream = collector->streams; stream; stream = stream->next)
		if (stream->state == STREAM_LIVE && stream->asked && stream->n_answers <= stream->answers_before)
			return false;
	return true;
}

unsigned streams_ask(struct collector *collector, uint16_t type, const char *text)
{
	unsigned n = 0;

	for (struct stream *stream = collector->streams; stream; stream = stream->next) {
		stream->answers_before = stream->n_answers;
		stream->asked = stream->state == STREAM_LIVE && stream_send(stream, type, text) == 0;
		n += stream->asked;
	}
	return n;
}

void streams_check(struct collector *collector)
{
	uint64_t deadline = now_ms() + ANSWER_MS, now;

	streams_ask(collector, FRAME_CHECK, NULL);
	while (!streams_answered(collector) && (now = now_ms()) < deadline)
		if (collector_step(collector, (int)(deadline - now)) < 0)
			break;
	for (struct stream *stream = collector->streams; stream; stream = stream->next)
		if (stream->state == STREAM_LIVE && stream->n_answers <= stream->answers_before)
			stream_read_live(collector, stream);
}

void streams_finish(struct collector *collector, int quiet_ms)
{
	uint64_t deadline = now_ms() + FINISH_MS, now;

	while ((now = now_ms()) < deadline) {
		int patience = collector_is_busy(collector) ? (int)(deadline - now) : collector->n_live ? quiet_ms : 0;

		if (collector_step(collector, patience) <= 0 && !collector_is_busy(collector))
			break;
	}
	if (collector->n_live)
		streams_check(collector);
}

uint64_t streams_tick(struct collector *collector, uint64_t now)
{
	uint64_t next = 0;

	for (struct stream *stream = collector->streams; stream; stream = stream->next) {
		if (stream->state == STREAM_LEAVING && stream->retry <= now)
			stream_examine(collector, stream);
		if (stream->state == STREAM_LEAVING && (!next || stream->retry < next))
			next = stream->retry;
	}
	return next;
}

static void stream_free(struct collector *collector, struct stream *stream)
{
	source_close(collector, &stream->socket);
	source_close(collector, &stream->pidfd);
	if (stream->memfd >= 0)
		close(stream->memfd);
	free(stream);
}

void streams_free(struct collector *collector)
{
	struct stream *next;

	for (struct stream *stream = collector->streams; stream; stream = next) {
		next = stream->next;
		stream_free(collector, stream);
	}
	collector->streams = NULL;
}

/* Those that ended, where nobody can ask for them: their processes stay in the model. */
static void free_ended(struct collector *collector)
{
	for (struct stream **at = &collector->streams; *at;) {
		struct stream *stream = *at;

		if (stream->state != STREAM_ENDED) {
			at = &stream->next;
			continue;
		}
		*at = stream->next;
		stream_free(collector, stream);
	}
}

void streams_sweep(struct collector *collector)
{
	if (!collector->keep_ended)
		free_ended(collector);
	while (collector->keep_ended && collector->n_ended > collector->keep_ended) {
		struct stream **oldest = NULL, *stream;
		struct process *process;

		for (struct stream **at = &collector->streams; *at; at = &(*at)->next)
			if ((*at)->state == STREAM_ENDED)
				oldest = at;
		if (!oldest)
			return;
		stream = *oldest;
		*oldest = stream->next;
		process = model_find(&collector->model, stream->id);
		if (process)
			model_remove(&collector->model, process);
		stream_free(collector, stream);
		collector->n_ended--;
		collector->n_forgotten++;
	}
}
