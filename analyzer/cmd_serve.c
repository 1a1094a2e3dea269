/*
 * guardctl serve -- collects from every agent that connects, until told to stop; answers other guardctls.
 */
#include "analyzer/collector.h"
#include "analyzer/command.h"
#include "analyzer/environment.h"
#include "analyzer/events.h"
#include "analyzer/message.h"
#include "analyzer/reporting.h"
#include "analyzer/spawn.h"
#include "analyzer/stream.h"
#include "protocol/socket.h"
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define ENDED_KEPT 1000

struct serve {
	struct reporting reporting;
	const char *recording, *socket;
	char path[OPTION_TEXT_MAX];
	struct recorder recorder;
	struct collector collector;
	struct source signals;
	bool stop;
};

static int parse(struct serve *serve, int argc, char **argv)
{
	enum { DEBUGINFOD = 256, SOCKET };
	static const struct option options[] = {
		{"debuginfod", no_argument, NULL, DEBUGINFOD},
		{"help", no_argument, NULL, 'h'},
		{"output", required_argument, NULL, 'o'},
		{"socket", required_argument, NULL, SOCKET},
		REPORTING_OPTIONS,
		{0},
	};
	int c, r = 0;

	while (r == 0 && (c = getopt_long(argc, argv, "ho:", options, NULL)) != -1) {
		if (c == 'o')
			serve->recording = optarg;
		else if (c == DEBUGINFOD)
			serve->reporting.options.debuginfod = true;
		else if (c == SOCKET)
			serve->socket = optarg;
		else if (c == 'h')
			return -1;
		else
			r = reporting_option(&serve->reporting, c, optarg);
	}
	if (r != 0)
		return r < 0 ? EXIT_FAILED : command_misused(&command_serve, NULL);
	return optind < argc ? command_misused(&command_serve, "it takes no arguments") : EXIT_FINE;
}

static void signal_ready(struct collector *collector, struct source *source, uint32_t events)
{
	struct serve *serve = (struct serve *)((char *)source - offsetof(struct serve, signals));

	(void)events;
	serve->stop = true;
	source_close(collector, source);
}

static int take_signals(struct serve *serve)
{
	static struct inheritance unused;
	sigset_t handled;
	int fd;

	sigemptyset(&handled);
	sigaddset(&handled, SIGTERM);
	sigaddset(&handled, SIGHUP);
	sigaddset(&handled, SIGINT);
	inheritance_set_aside(&unused, &handled);
	fd = signalfd(-1, &handled, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : source_add(&serve->collector, &serve->signals, fd, EPOLLIN, signal_ready);
}

static int start_listening(struct serve *serve)
{
	struct options options;
	int r;

	environment_read(&options);
	r = socket_path(serve->path, sizeof(serve->path), serve->socket ? serve->socket : options.socket, environ);
	if (r == 0)
		r = socket_prepare_directory(serve->path);
	if (r == 0)
		r = collector_listen(&serve->collector, serve->path);
	if (r == 0)
		r = take_signals(serve);
	if (r == -EADDRINUSE)
		message("somebody listens on %s already; `guardctl ps` asks them", serve->path);
	else if (r == -EPERM)
		message("%s: its directory has to be yours and closed to others (mode 0700)", serve->path);
	else if (r == -EEXIST)
		message("%s is there and is no socket", serve->path);
	else if (r < 0)
		message("cannot listen on socket %s: %s", serve->socket ? serve->socket : serve->path, strerror(-r));
	return r;
}

static void serve_until_stopped(struct serve *serve)
{
	struct collector *collector = &serve->collector;

	message("listening on %s", serve->path);
	while (!serve->stop)
		if (collector_step(collector, -1) < 0)
			break;
	streams_finish(collector, 0);
	message("%" PRIu64 " processes seen, %u of them still running", collector->n_seen, collector->n_live);
	losses_print(collector);
}

static int run(int argc, char **argv)
{
	static struct serve serve; /* large */
	int code = parse(&serve, argc, argv), r;

	if (code == -1) {
		command_print(&command_serve);
		return EXIT_FINE;
	}
	if (code != EXIT_FINE)
		return code;
	serve.signals.fd = -1;
	r = collector_init(&serve.collector);
	serve.collector.keep_ended = ENDED_KEPT;
	serve.collector.event = event_print;
	if (r == 0)
		r = start_listening(&serve);
	if (r == 0 && serve.recording) {
		r = recorder_init(&serve.recorder, serve.recording);
		if (r < 0)
			message("%s: %s", serve.recording, strerror(-r));
		else
			serve.collector.recorder = &serve.recorder;
	}
	if (r == 0) {
		serve_until_stopped(&serve);
		r = reporting_write(&serve.reporting, &serve.collector.model, stdout);
	}
	source_close(&serve.collector, &serve.signals);
	collector_fini(&serve.collector);
	if (serve.collector.recorder)
		recorder_fini(&serve.recorder);
	return r < 0 ? EXIT_FAILED : EXIT_FINE;
}

const struct command command_serve = {
	.name = "serve",
	.run = run,
	.arguments = "[OPTION]...",
	.summary = "Collects from every agent that connects, until SIGINT or SIGTERM",
	.details = "  -o, --output=FILE        record everything that the agents send\n"
		   "  --report=FORMAT[:FILE]   write a report at the end: text or json; repeatable\n"
		   "  --socket=PATH            listen there instead of at the default (`guardctl help "
		   "options`)\n" REPORTING_DETAILS
		   "  --debuginfod             ask debuginfod servers for missing debug information\n"
		   "\nMeanwhile `guardctl ps`, `check`, `set` and `report PID` ask it.\n",
};
