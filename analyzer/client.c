/*
 * Clients -- one connection, one question, the answer frame by frame.
 */
#include "analyzer/client.h"
#include "analyzer/collector.h"
#include "analyzer/command.h"
#include "analyzer/connection.h"
#include "analyzer/decode.h"
#include "analyzer/environment.h"
#include "analyzer/message.h"
#include "protocol/frame.h"
#include "protocol/socket.h"
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE_MS 3000 /* agents try to connect every second */
#define CONNECT_LIMIT_S 5
#define ANSWER_LIMIT_MS 15000 /* for the next frame */
#define TALK_LIMIT_MS 60000   /* for all of them */

struct client {
	int fd;
	bool alone; /* nobody serves: the collector is our own */
	char path[OPTION_TEXT_MAX];
	struct collector collector;
	uint64_t frame[FRAME_MAX / sizeof(uint64_t)];
};

int client_options(const struct command *command, int argc, char **argv, const char **socket)
{
	static const struct option options[] = {
		{"help", no_argument, NULL, 'h'}, {"socket", required_argument, NULL, 's'}, {0}};
	int c;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (c == 'h') {
			command_print(command);
			return EXIT_FINE;
		}
		if (c != 's')
			return command_misused(command, NULL);
		*socket = optarg;
	}
	return -1;
}

int client_parse_pid(const char *text)
{
	char *end;
	long n;

	if (*text < '0' || *text > '9')
		return -1;
	errno = 0;
	n = strtol(text, &end, 10);
	return errno || *end || n < 1 || n > 0x7fffffff ? -1 : (int)n;
}

static int find_path(struct client *client, const char *socket)
{
	struct options options;

	environment_read(&options);
	return socket_path(client->path, sizeof(client->path), socket ? socket : options.socket, environ);
}

/* Becomes the collector for a moment; the question goes through a pair of sockets. */
static int listen_alone(struct client *client)
{
	int pair[2], r = collector_init(&client->collector);

	client->alone = true;
	if (r == 0)
		r = socket_prepare_directory(client->path);
	if (r == 0)
		r = collector_listen(&client->collector, client->path);
	if (r == 0 && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		r = -errno;
	if (r < 0)
		return r;
	client->fd = pair[0];
	client->collector.patience = now_ms() + PATIENCE_MS;
	return collector_adopt(&client->collector, pair[1], getpid());
}

static int client_open(struct client *client)
{
	const struct timeval limit = {CONNECT_LIMIT_S, 0};
	struct sockaddr_un address;
	int r = socket_address(&address, client->path);

	client->fd = -1;
	if (r < 0)
		return r;
	client->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (client->fd < 0)
		return -errno;
	setsockopt(client->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(client->fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return socket_peer_trusted(client->fd, NULL) ? 0 : -EPERM;
	r = errno == EAGAIN ? -ETIMEDOUT : -errno; /* its queue is full, and nobody takes from it */
	close(client->fd);
	client->fd = -1;
	return r == -ENOENT || r == -ECONNREFUSED ? listen_alone(client) : r;
}

static void client_close(struct client *client)
{
	if (client->fd >= 0)
		close(client->fd);
	if (client->alone)
		collector_fini(&client->collector);
}

/* The next frame: 1; 0 at the end; -ETIMEDOUT. */
static int receive(struct client *client, uint64_t deadline)
{
	for (;;) {
		int64_t n = connection_receive(client->fd, client->frame, NULL);
		struct pollfd poller = {.fd = client->fd, .events = POLLIN};
		uint64_t now = now_ms();

		if (n != -EAGAIN)
			return n < 0 ? (int)n : n > 0;
		if (now >= deadline)
			return -ETIMEDOUT;
		if (client->alone)
			collector_step(&client->collector, 50);
		else
			poll(&poller, 1, (int)(deadline - now));
	}
}

/* Does the frame say that there is no answer? Then why, as a message; when alone, the reason is another one. */
static bool is_refusal(const struct wire_header *frame, bool alone, int pid)
{
	const struct wire_record *record = frame_next(frame, NULL, NULL);
	const struct wire_event *event;

	if (frame->type != FRAME_REPLY || !record || record->kind != WIRE_EVENT)
		return false;
	event = record_body(record, sizeof(*event));
	if (event && !alone)
		message("%d: %.*s", pid, (int)(record_size(record) - sizeof(*event)), (const char *)(event + 1));
	return event;
}

static int converse(struct client *client, unsigned what, int pid, const char *text, client_taker take, void *context)
{
	const struct wire_query query = {.what = what, .pid = pid};
	const struct wire_header *frame =
		connection_frame(client->frame, FRAME_QUERY, 0, WIRE_QUERY, &query, sizeof(query), text);
	uint64_t deadline = now_ms() + TALK_LIMIT_MS;
	int r = frame ? connection_send(client->fd, frame) : -EMSGSIZE;

	while (r == 0 && (r = receive(client, now_ms() + ANSWER_LIMIT_MS)) > 0) {
		frame = (const struct wire_header *)client->frame;
		if (is_refusal(frame, client->alone, pid))
			return EXIT_FAILED;
		if (frame->type > FRAME_EVENT && frame->type != FRAME_REPLY) {
			r = -EBADMSG;
			break;
		}
		take(context, frame);
		if (frame->type == FRAME_REPLY && (frame->flags & FRAME_LAST))
			return EXIT_FINE;
		r = now_ms() < deadline ? 0 : -ETIMEDOUT;
	}
	message("%s: %s", client->path, r < 0 ? strerror(-r) : "the connection ended before the answer");
	return EXIT_FAILED;
}

int client_ask(const char *socket, unsigned what, int pid, const char *text, client_taker take, void *context)
{
	struct client *client = calloc(1, sizeof(*client));
	int code = EXIT_FAILED, r;

	if (!client)
		return code;
	client->fd = -1;
	r = find_path(client, socket);
	if (r == 0)
		r = client_open(client);
	if (r < 0)
		message("socket %s: %s", client->path, strerror(-r));
	else
		code = converse(client, what, pid, text, take, context);
	if (r == 0 && client->alone && (code != EXIT_FINE || !client->collector.n_seen)) {
		message("nobody serves on %s, and no agent of this process came there either", client->path);
		code = EXIT_FAILED;
	}
	client_close(client);
	free(client);
	return code;
}

static void take_stream(void *model, const struct wire_header *frame)
{
	struct process *process;

	if (frame->type != FRAME_REPLY)
		decode_frame(model, frame, &process);
}

int client_fetch(struct model *model, const char *socket, int pid)
{
	return client_ask(socket, QUERY_STREAM, pid, NULL, take_stream, model);
}

static void ignore(void *context, const struct wire_header *frame)
{
	(void)context;
	(void)frame;
}

int client_tell(const char *socket, unsigned what, int pid, const char *text)
{
	return client_ask(socket, what, pid, text, ignore, NULL);
}
