/*
 * The collector -- the loop, the listening socket and those who have just connected.
 *
 * A source closed in the middle of a turn stays in memory until its end: structures are freed by the
 * sweeps of the turn's end alone, so an event that was already fetched finds a source with fd -1.
 */
#include "analyzer/collector.h"
#include "analyzer/cleanup.h"
#include "analyzer/connection.h"
#include "analyzer/decode.h"
#include "analyzer/query.h"
#include "analyzer/stream.h"
#include "protocol/socket.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define EVENTS_A_TURN 64
#define BACKLOG 4096
#define ROOM 32		 /* descriptors kept for what agents hand over, where the silent take all others */
#define SILENCE_MS 10000 /* an agent or a client says at once what it is */

/* One that has connected and not said yet what it is. */
struct visitor {
	struct visitor *next;
	struct source socket;
	int pid;
	uint64_t deadline;
};

uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

int source_add(struct collector *collector, struct source *source, int fd, uint32_t events,
	       void (*ready)(struct collector *collector, struct source *source, uint32_t events))
{
	struct epoll_event event = {.events = events, .data.ptr = source};

	source->fd = fd;
	source->ready = ready;
	return epoll_ctl(collector->epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

/* No events at all takes the source out: a hang-up would be told all the same, again and again. */
void source_set_events(struct collector *collector, struct source *source, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = source};

	if (!events)
		epoll_ctl(collector->epoll, EPOLL_CTL_DEL, source->fd, NULL);
	else if (epoll_ctl(collector->epoll, EPOLL_CTL_MOD, source->fd, &event) < 0)
		epoll_ctl(collector->epoll, EPOLL_CTL_ADD, source->fd, &event);
}

void source_close(struct collector *collector, struct source *source)
{
	if (source->fd < 0)
		return;
	epoll_ctl(collector->epoll, EPOLL_CTL_DEL, source->fd, NULL);
	close(source->fd);
	source->fd = -1;
}

int collector_init(struct collector *collector)
{
	memset(collector, 0, sizeof(*collector));
	model_init(&collector->model);
	collector->listener.fd = collector->child.pidfd.fd = -1;
	collector->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	collector->epoll = epoll_create1(EPOLL_CLOEXEC);
	return collector->epoll < 0 ? -errno : 0;
}

static void sweep_visitors(struct collector *collector, bool all)
{
	for (struct visitor **at = &collector->visitors; *at;) {
		struct visitor *visitor = *at;

		if (all)
			source_close(collector, &visitor->socket);
		if (visitor->socket.fd >= 0) {
			at = &visitor->next;
			continue;
		}
		*at = visitor->next;
		free(visitor);
	}
}

void collector_fini(struct collector *collector)
{
	sweep_visitors(collector, true);
	queries_free(collector);
	streams_free(collector);
	source_close(collector, &collector->listener);
	source_close(collector, &collector->child.pidfd);
	if (*collector->path)
		unlink(collector->path);
	if (collector->spare >= 0)
		close(collector->spare);
	if (collector->epoll >= 0)
		close(collector->epoll);
	model_fini(&collector->model);
}

static void visitor_ready(struct collector *collector, struct source *source, uint32_t events)
{
	struct visitor *visitor = (struct visitor *)((char *)source - offsetof(struct visitor, socket));
	uint64_t buffer[FRAME_MAX / sizeof(uint64_t)];
	const struct wire_header *frame = (const struct wire_header *)buffer;
	int memfd, fd = source->fd;
	int64_t n = connection_receive(fd, buffer, &memfd);

	(void)events;
	if (n == -EAGAIN)
		return;
	source_set_events(collector, source, 0);
	source->fd = -1; /* handed on, or closed here */
	if (n > 0 && frame->type == FRAME_HELLO) {
		stream_hello(collector, frame, fd, memfd, visitor->pid);
		return;
	}
	if (memfd >= 0)
		close(memfd);
	if (n > 0 && frame->type == FRAME_QUERY)
		query_begin(collector, frame, fd);
	else
		close(fd);
}

int collector_adopt(struct collector *collector, int fd, int pid)
{
	struct visitor *visitor = calloc(1, sizeof(*visitor)), **last = &collector->visitors;

	if (!visitor)
		return -ENOMEM;
	visitor->pid = pid;
	visitor->deadline = now_ms() + SILENCE_MS;
	while (*last) /* in the order they came */
		last = &(*last)->next;
	*last = visitor;
	return source_add(collector, &visitor->socket, fd, EPOLLIN, visitor_ready);
}

/* Closes those who have been silent too long; when the next of them will have been (ms), 0: never. */
static uint64_t visitors_tick(struct collector *collector, uint64_t now)
{
	for (struct visitor *visitor = collector->visitors; visitor; visitor = visitor->next) {
		if (visitor->socket.fd < 0)
			continue;
		if (visitor->deadline > now)
			return visitor->deadline; /* they are in the order they came */
		collector->n_silent++;
		source_close(collector, &visitor->socket);
	}
	return 0;
}

/* Closes the one who has been silent longest, to make room. False: nobody is. */
static bool send_away_silent(struct collector *collector)
{
	for (struct visitor *visitor = collector->visitors; visitor; visitor = visitor->next) {
		if (visitor->socket.fd >= 0)
			visitor_ready(collector, &visitor->socket, EPOLLIN);
		if (visitor->socket.fd < 0)
			continue;
		collector->n_silent++;
		source_close(collector, &visitor->socket);
		return true;
	}
	return false;
}

/* No descriptor is left: turns one connection away, so that the queue does not wake us for ever. */
static void turn_away(struct collector *collector)
{
	int fd;

	if (send_away_silent(collector))
		return;
	collector->n_turned_away++;
	close(collector->spare);
	fd = accept4(collector->listener.fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		close(fd);
	collector->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* The lowest numbers are given first, so a high one tells how many are left. */
static bool is_crowded(int fd)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_NOFILE, &limit) == 0 && (rlim_t)fd + ROOM > limit.rlim_cur;
}

static void listener_ready(struct collector *collector, struct source *source, uint32_t events)
{
	(void)events;
	for (;;) {
		int pid = 0, fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
			continue;
		if (fd < 0 && (errno == EMFILE || errno == ENFILE))
			turn_away(collector);
		if (fd < 0)
			return;
		if (!socket_peer_trusted(fd, &pid)) {
			collector->n_refused++;
			close(fd);
			continue;
		}
		collector->n_accepted++;
		if (is_crowded(fd))
			send_away_silent(collector);
		if (collector_adopt(collector, fd, pid) == -ENOMEM)
			close(fd);
	}
}

void collector_admit(struct collector *collector)
{
	if (collector->listener.fd >= 0)
		listener_ready(collector, &collector->listener, EPOLLIN);
	for (struct visitor *visitor = collector->visitors; visitor; visitor = visitor->next)
		if (visitor->socket.fd >= 0)
			visitor_ready(collector, &visitor->socket, EPOLLIN);
}

/* A socket nobody listens on is left over from a guardctl that was killed; -EADDRINUSE when somebody does. */
static int remove_stale(const struct sockaddr_un *address)
{
	cleanup_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct stat status;

	if (lstat(address->sun_path, &status) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(status.st_mode))
		return -EEXIST;
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 || errno != ECONNREFUSED)
		return -EADDRINUSE;
	if (status.st_uid != geteuid() && geteuid() != 0)
		return -EPERM;
	return unlink(address->sun_path) < 0 ? -errno : 0;
}

static int bind_and_listen(int fd, const struct sockaddr_un *address)
{
	mode_t mask = umask(0077);
	int r = bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 || listen(fd, BACKLOG) < 0 ? -errno
													    : 0;

	umask(mask);
	return r;
}

/*
 * The socket gets its name when it listens already: before, it would look stale to others, and agents would be
 * refused. Where the path leaves no room for the name beside it, that has to be borne.
 */
static int listen_under_name(int fd, const struct sockaddr_un *address)
{
	struct sockaddr_un beside;
	char path[sizeof(address->sun_path) + 32];
	int r;

	snprintf(path, sizeof(path), "%s.%d", address->sun_path, getpid());
	if (socket_address(&beside, path) < 0)
		return bind_and_listen(fd, address);
	unlink(path);
	r = bind_and_listen(fd, &beside);
	if (r == 0 && link(path, address->sun_path) < 0)
		r = errno == EEXIST ? -EADDRINUSE : -errno;
	unlink(path);
	return r;
}

int collector_listen(struct collector *collector, const char *path)
{
	struct sockaddr_un address;
	int r = socket_address(&address, path), fd;

	if (r == 0)
		r = remove_stale(&address);
	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	r = listen_under_name(fd, &address);
	if (r < 0) {
		close(fd);
		return r;
	}
	strcpy(collector->path, address.sun_path);
	return source_add(collector, &collector->listener, fd, EPOLLIN, listener_ready);
}

void collector_reap(struct collector *collector)
{
	struct child *child = &collector->child;

	if (!child->pid || child->ended || waitpid(child->pid, &child->status, WNOHANG) != child->pid)
		return;
	child->ended = true;
}

static void child_ready(struct collector *collector, struct source *source, uint32_t events)
{
	(void)events;
	collector_reap(collector);
	if (collector->child.ended)
		source_close(collector, source);
}

int collector_follow_child(struct collector *collector, pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	collector->child.pid = pid;
	return fd < 0 ? -errno : source_add(collector, &collector->child.pidfd, fd, EPOLLIN, child_ready);
}

struct process *collector_take(struct collector *collector, const struct wire_header *frame)
{
	struct process *process;

	if (collector->recorder)
		recorder_write(collector->recorder, frame);
	decode_frame(&collector->model, frame, &process);
	return process;
}

bool collector_sink(void *context, const struct wire_header *frame)
{
	collector_take(context, frame);
	return true;
}

static int time_left(uint64_t now, uint64_t then, int timeout_ms)
{
	int left = then > now ? (int)(then - now) : 0;

	return !then || (timeout_ms >= 0 && timeout_ms < left) ? timeout_ms : left;
}

bool collector_is_busy(const struct collector *collector)
{
	if (collector->visitors || collector->queries)
		return true;
	for (const struct stream *stream = collector->streams; stream; stream = stream->next)
		if (stream->state == STREAM_LEAVING)
			return true;
	return false;
}

int collector_step(struct collector *collector, int timeout_ms)
{
	struct epoll_event events[EVENTS_A_TURN];
	uint64_t now = now_ms();
	int n;

	timeout_ms = time_left(now, streams_tick(collector, now), timeout_ms);
	timeout_ms = time_left(now, queries_tick(collector, now), timeout_ms);
	timeout_ms = time_left(now, visitors_tick(collector, now), timeout_ms);
	n = epoll_wait(collector->epoll, events, EVENTS_A_TURN, timeout_ms);
	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	for (int i = 0; i < n; i++) {
		struct source *source = events[i].data.ptr;

		if (source->fd >= 0)
			source->ready(collector, source, events[i].events);
	}
	now = now_ms();
	streams_tick(collector, now);
	queries_tick(collector, now);
	sweep_visitors(collector, false);
	streams_sweep(collector);
	return n;
}
