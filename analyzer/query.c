/*
 * Queries -- what another guardctl asks a running collector.
 */
#include "analyzer/query.h"
#include "analyzer/connection.h"
#include "analyzer/overview.h"
#include "analyzer/postmortem.h"
#include "analyzer/retell.h"
#include "analyzer/stream.h"
#include "protocol/frame.h"
#include "protocol/options.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define SET_MS 5000    /* there is nothing to do instead */
#define STALL_MS 10000 /* a client that does not take its answer */

enum phase { PHASE_FIND, PHASE_WAIT, PHASE_SEND };

struct query {
	struct query *next;
	struct source socket;
	enum phase phase;
	uint32_t what;
	int pid;
	char text[OPTION_TEXT_MAX];
	uint64_t stream, deadline;
	uint64_t n_answers, n_warnings; /* of the stream when it was asked */
	unsigned char *out;		/* frames still to be sent */
	size_t n_out, sent, room;
};

/* Adds a frame to what is to be sent; a frame_sink. */
static bool put(void *context, const struct wire_header *frame)
{
	struct query *query = context;

	if (query->n_out + frame->length > query->room) {
		size_t room = 2 * query->room + frame->length;
		unsigned char *grown = realloc(query->out, room);

		if (!grown)
			return false;
		query->out = grown;
		query->room = room;
	}
	memcpy(query->out + query->n_out, frame, frame->length);
	query->n_out += frame->length;
	return true;
}

static void send_out(struct collector *collector, struct query *query)
{
	while (query->sent < query->n_out) {
		const struct wire_header *frame = (const struct wire_header *)(query->out + query->sent);
		int r = connection_send(query->socket.fd, frame);

		if (r == -EAGAIN) {
			source_set_events(collector, &query->socket, EPOLLOUT);
			return;
		}
		if (r < 0)
			break;
		query->sent += frame->length;
	}
	source_close(collector, &query->socket);
}

static void finish(struct collector *collector, struct query *query)
{
	query->phase = PHASE_SEND;
	query->deadline = now_ms() + STALL_MS;
	send_out(collector, query);
}

static void reply(struct query *query, uint16_t flags, uint16_t kind, const void *body, size_t size, const char *text)
{
	uint64_t buffer[FRAME_MAX / sizeof(uint64_t)];
	const struct wire_header *frame = connection_frame(buffer, FRAME_REPLY, flags, kind, body, size, text);

	if (frame)
		put(query, frame);
}

/* A frame that says only that it is one. */
static void put_frame(struct query *query, uint16_t type, uint16_t flags, uint64_t stream)
{
	const struct wire_header frame = {WIRE_MAGIC, sizeof(frame), type, flags, 0, stream};

	put(query, &frame);
}

static void refuse(struct collector *collector, struct query *query, const char *why)
{
	const struct wire_event event = {.kind = EVENT_WARNING};

	reply(query, FRAME_LAST, WIRE_EVENT, &event, sizeof(event), why);
	finish(collector, query);
}

static void list(struct collector *collector, struct query *query)
{
	const struct process *process, *next;

	for (struct stream *stream = collector->streams; stream; stream = stream->next)
		if (stream->state != STREAM_ENDED && !stream->n_snapshots)
			stream_read_live(collector, stream);
	HASH_ITER (hh, collector->model.processes, process, next) {
		char line[OVERVIEW_SIZE];

		overview_line(process, line);
		reply(query, 0, WIRE_TEXT, NULL, 0, line);
	}
	reply(query, FRAME_LAST, WIRE_TEXT, NULL, 0, "");
	finish(collector, query);
}

static void tell_stream(struct collector *collector, struct query *query, struct stream *stream, bool answered)
{
	const struct process *process = model_find(&collector->model, stream->id);
	bool ended = stream->state == STREAM_ENDED;
	struct region_copy copy;

	if (!process) {
		refuse(collector, query, "it has gone");
		return;
	}
	if (region_copy_read(&copy, stream->memfd) == 0) {
		if (ended)
			region_copy_end(&copy, &process->end);
		else if (!answered)
			region_copy_sample(&copy, stream->pid);
		region_copy_tell(&copy, stream->id, FRAME_SNAPSHOT, true, put, query);
		region_copy_fini(&copy);
	} else {
		retell_process(process, put, query);
	}
	if (process->final_state != FINAL_NONE)
		put_frame(query, FRAME_FINAL, process->final_state == FINAL_AGENT ? 0 : FRAME_POST_MORTEM, stream->id);
	reply(query, FRAME_LAST, WIRE_TEXT, NULL, 0, "");
	finish(collector, query);
}

static void tell_verdict(struct collector *collector, struct query *query)
{
	const struct process *process = model_find(&collector->model, query->stream);
	char line[OVERVIEW_SIZE];

	if (!process) {
		refuse(collector, query, "it has gone");
		return;
	}
	overview_line(process, line);
	reply(query, 0, WIRE_VERDICT, &process->verdict, sizeof(process->verdict), NULL);
	reply(query, FRAME_LAST, WIRE_TEXT, NULL, 0, line);
	finish(collector, query);
}

static void accept(struct collector *collector, struct query *query)
{
	reply(query, FRAME_LAST, WIRE_TEXT, NULL, 0, "");
	finish(collector, query);
}

/* The agent has answered, or it has not and its time is over. */
static void answer(struct collector *collector, struct query *query, struct stream *stream, bool answered)
{
	if (query->what == QUERY_MARK && answered)
		accept(collector, query);
	else if (query->what == QUERY_MARK)
		refuse(collector, query,
		       "its agent does not answer: it runs without a sampler thread, so it takes no marks");
	else if (query->what == QUERY_SET && stream->n_warnings > query->n_warnings)
		refuse(collector, query, stream->warning);
	else if (query->what == QUERY_SET && !answered)
		refuse(collector, query,
		       "its agent does not answer: it runs without a sampler thread, so nothing can be set");
	else if (query->what == QUERY_STREAM)
		tell_stream(collector, query, stream, answered);
	else {
		if (!answered)
			stream_read_live(collector, stream);
		tell_verdict(collector, query);
	}
}

static void answer_for_ended(struct collector *collector, struct query *query, struct stream *stream)
{
	query->stream = stream->id;
	if (query->what == QUERY_SET || query->what == QUERY_MARK)
		refuse(collector, query, "it has ended");
	else if (query->what == QUERY_STREAM)
		tell_stream(collector, query, stream, true);
	else
		tell_verdict(collector, query);
}

/* The process is known: asks its agent. */
static void ask(struct query *query, struct stream *stream)
{
	bool set = query->what == QUERY_SET || query->what == QUERY_MARK;
	uint16_t type = query->what == QUERY_MARK ? FRAME_MARK : set ? FRAME_SET : FRAME_CHECK;

	query->stream = stream->id;
	query->n_answers = stream->n_answers;
	query->n_warnings = stream->n_warnings;
	query->phase = PHASE_WAIT;
	query->deadline = now_ms() + (set ? SET_MS : ANSWER_MS);
	if (stream_send(stream, type, set ? query->text : NULL) < 0)
		query->deadline = 0;
}

/* A mark for every live process. */
static void mark_all(struct collector *collector, struct query *query)
{
	if (!streams_ask(collector, FRAME_MARK, query->text)) {
		refuse(collector, query, "there is no process to mark");
		return;
	}
	query->phase = PHASE_WAIT;
	query->deadline = now_ms() + SET_MS;
}

static void wait_for_all(struct collector *collector, struct query *query, uint64_t now)
{
	if (streams_answered(collector))
		accept(collector, query);
	else if (now >= query->deadline)
		refuse(collector, query, "not all of their agents answer: some run without a sampler thread");
}

static void find(struct collector *collector, struct query *query, uint64_t now)
{
	struct stream *stream = query->what == QUERY_LIST ? NULL : stream_of_pid(collector, query->pid);

	if (query->what == QUERY_MARK && !query->pid)
		mark_all(collector, query);
	else if (stream && stream->state != STREAM_ENDED)
		ask(query, stream);
	else if (now < collector->patience)
		query->deadline = collector->patience;
	else if (query->what == QUERY_LIST)
		list(collector, query);
	else if (stream)
		answer_for_ended(collector, query, stream);
	else
		refuse(collector, query, "no agent has connected from it");
}

static void go_on(struct collector *collector, struct query *query, uint64_t now)
{
	struct stream *stream;

	if (query->phase == PHASE_FIND)
		find(collector, query, now);
	if (query->phase == PHASE_WAIT && !query->stream) {
		wait_for_all(collector, query, now);
	} else if (query->phase == PHASE_WAIT) {
		stream = stream_of_id(collector, query->stream);
		if (!stream)
			refuse(collector, query, "it has ended");
		else if (stream->state == STREAM_ENDED)
			answer_for_ended(collector, query, stream);
		else if (stream->n_answers > query->n_answers || stream->n_warnings > query->n_warnings)
			answer(collector, query, stream, true);
		else if (now >= query->deadline)
			answer(collector, query, stream, false);
	}
	if (query->phase == PHASE_SEND && now >= query->deadline)
		source_close(collector, &query->socket);
}

static void query_ready(struct collector *collector, struct source *source, uint32_t events)
{
	struct query *query = (struct query *)((char *)source - offsetof(struct query, socket));

	if (query->phase == PHASE_SEND && (events & EPOLLOUT))
		send_out(collector, query);
	else
		source_close(collector, source); /* it hung up, or says what nobody asked */
}

void query_begin(struct collector *collector, const struct wire_header *frame, int fd)
{
	const struct wire_record *record = frame_next(frame, NULL, NULL);
	const struct wire_query *wire =
		record && record->kind == WIRE_QUERY ? record_body(record, sizeof(*wire)) : NULL;
	struct query *query = wire ? calloc(1, sizeof(*query)) : NULL;

	if (!query) {
		close(fd);
		return;
	}
	query->what = wire->what;
	query->pid = wire->pid;
	snprintf(query->text, sizeof(query->text), "%.*s", (int)(record_size(record) - sizeof(*wire)),
		 (const char *)(wire + 1));
	query->next = collector->queries;
	collector->queries = query;
	source_add(collector, &query->socket, fd, EPOLLIN, query_ready);
	if (query->what < QUERY_LIST || query->what > QUERY_MARK)
		refuse(collector, query, "this guardctl does not know what was asked");
}

uint64_t queries_tick(struct collector *collector, uint64_t now)
{
	uint64_t next = 0;

	for (struct query **at = &collector->queries; *at;) {
		struct query *query = *at;

		if (query->socket.fd >= 0)
			go_on(collector, query, now);
		if (query->socket.fd < 0) {
			*at = query->next;
			free(query->out);
			free(query);
			continue;
		}
		if (query->deadline && (!next || query->deadline < next))
			next = query->deadline;
		at = &query->next;
	}
	return next;
}

void queries_free(struct collector *collector)
{
	struct query *query, *next;

	for (query = collector->queries; query; query = next) {
		next = query->next;
		source_close(collector, &query->socket);
		free(query->out);
		free(query);
	}
	collector->queries = NULL;
}
