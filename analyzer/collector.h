/*
 * The collector -- accepts agents, takes their frames, follows their processes to the end.
 *
 * One thread, one epoll loop: call collector_step until what you wait for has come. All that arrives
 * goes the same way: collector_take records a frame and applies it to the model. Agents and clients
 * must be of our user or root; others are turned away and counted.
 */
#pragma once
#include "analyzer/model.h"
#include "analyzer/recorder.h"
#include <sys/types.h>

struct collector;
struct stream;
struct visitor;
struct query;

/* Something with a descriptor in the epoll set. */
struct source {
	int fd; /* -1: closed */
	void (*ready)(struct collector *collector, struct source *source, uint32_t events);
};

/* The main command of `guardctl run`; only its parent can wait for it. */
struct child {
	struct source pidfd;
	pid_t pid;
	bool ended;
	int status; /* as from waitpid */
};

struct collector {
	struct model model;
	struct recorder *recorder; /* NULL: none */
	int epoll, spare;	   /* spare: closed to turn away a connection when descriptors run out */
	struct source listener;
	char path[108]; /* of the socket; empty: not ours to remove */
	struct stream *streams;
	struct visitor *visitors;
	struct query *queries;
	struct child child;
	uint64_t patience;   /* until this time (ms) a query waits for its process to appear; 0: it does not */
	unsigned keep_ended; /* ended processes kept; 0: all */
	unsigned n_live, n_ended;
	uint64_t n_seen, n_ends, n_forgotten;
	uint64_t n_refused, n_turned_away; /* not trusted; no descriptor left */
	uint64_t n_accepted, n_silent;	   /* the latter did not say in time what they are */
	/* An agent says something; NULL: nobody listens. */
	void (*event)(struct collector *collector, const struct process *process, const struct wire_event *event,
		      const char *text);
	uint64_t frame[65536 / 8]; /* FRAME_MAX: where frames are received */
};

/* 0 or -errno. */
int collector_init(struct collector *collector);
void collector_fini(struct collector *collector);
/* Listens at the path. -EADDRINUSE when somebody listens there already; a stale socket is replaced. */
int collector_listen(struct collector *collector, const char *path);
/* Takes a connected socket of a client. */
int collector_adopt(struct collector *collector, int fd, int pid);
/* Follows the child of ours with this pid. */
int collector_follow_child(struct collector *collector, pid_t pid);
/* Waits up to timeout_ms (-1: for ever) and handles what came. Returns how many events, or -errno. */
int collector_step(struct collector *collector, int timeout_ms);
/* Are there connections or processes about which something is to come without anybody's doing? */
bool collector_is_busy(const struct collector *collector);

/* For the parts of the collector (stream.c, query.c). */
int source_add(struct collector *collector, struct source *source, int fd, uint32_t events,
	       void (*ready)(struct collector *collector, struct source *source, uint32_t events));
void source_set_events(struct collector *collector, struct source *source, uint32_t events);
void source_close(struct collector *collector, struct source *source);
/* Lets in all who have connected, as far as they have said who they are. */
void collector_admit(struct collector *collector);
/* Records the frame and applies it. Returns its process, or NULL. */
struct process *collector_take(struct collector *collector, const struct wire_header *frame);
/* collector_take as a frame_sink. */
bool collector_sink(void *collector, const struct wire_header *frame);
/* Waits for the child if it has ended; then child.ended is set. */
void collector_reap(struct collector *collector);
uint64_t now_ms(void);
