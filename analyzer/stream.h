/*
 * Streams -- one agent's connection and the process behind it, from HELLO to its true end.
 *
 * A socket's end says little: the host may have closed it, exec may have. So each process is also
 * watched through a pidfd, and its region is read when it is really gone or has become another program.
 */
#pragma once
#include "analyzer/collector.h"

enum stream_state {
	STREAM_LIVE,
	STREAM_LEAVING, /* its end is not clear yet: looked at again at `deadline` */
	STREAM_ENDED,
};

#define ANSWER_MS 300 /* an agent that has a thread answers within this */

struct stream {
	struct stream *next;
	struct source socket, pidfd;
	uint64_t id;
	int pid;
	int memfd; /* -1: none */
	enum stream_state state;
	bool child;		 /* the main command of `guardctl run` */
	uint64_t end_number;	 /* counts those that ended */
	uint64_t retry, give_up; /* ms, when STREAM_LEAVING */
	uint64_t n_snapshots;	 /* that came whole */
	uint64_t n_answers;	 /* those of them that were asked for */
	uint64_t answers_before; /* when streams_check asked */
	bool asked;
	uint64_t n_warnings;
	char warning[256]; /* the last one */
};

/* An agent's first frame; takes the descriptors. `memfd` may be -1. */
void stream_hello(struct collector *collector, const struct wire_header *frame, int fd, int memfd, int pid);
/* The live stream of this process, else the one that ended last, or NULL. */
struct stream *stream_of_pid(const struct collector *collector, int pid);
struct stream *stream_of_id(const struct collector *collector, uint64_t id);
/* Sends CHECK or SET (text "name=value"); -EPIPE when there is no connection, -errno. */
int stream_send(struct stream *stream, uint16_t type, const char *text);
/* Takes what the region of a live process says now, as a snapshot made here. 0 or -errno. */
int stream_read_live(struct collector *collector, struct stream *stream);
/* Takes what has come, `limit` frames at the most. False at the end of the connection. */
bool stream_receive(struct collector *collector, struct stream *stream, unsigned limit);
/* Finds out whether the process has ended, and if so takes its last state (ending.c). */
void stream_examine(struct collector *collector, struct stream *stream);
/* The same when its end cannot become clearer any more. */
void stream_give_up(struct collector *collector, struct stream *stream);
/* The process has ended so: reads its region, tells the rest, lets go of its descriptors. */
void stream_end(struct collector *collector, struct stream *stream, const struct wire_end *found);
/* Looks again at streams whose time has come. Returns when to call next (ms), 0: no need. */
uint64_t streams_tick(struct collector *collector, uint64_t now);
void streams_free(struct collector *collector);
/* Forgets the oldest ended processes beyond collector->keep_ended; where that is 0, only their streams. */
void streams_sweep(struct collector *collector);
/* Sends this to all live agents; how many took it. streams_answered: each of them has sent a snapshot since. */
unsigned streams_ask(struct collector *collector, uint16_t type, const char *text);
bool streams_answered(const struct collector *collector);
/* Asks all live agents for a snapshot now and reads the regions of those that do not answer. */
void streams_check(struct collector *collector);
/* The last turns: takes what has come, until all ends are clear and nothing comes for quiet_ms; then checks. */
void streams_finish(struct collector *collector, int quiet_ms);
