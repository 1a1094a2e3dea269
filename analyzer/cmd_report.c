/*
 * guardctl report -- reads a recording, or asks for a running process, and reports on it.
 */
#include "analyzer/cleanup.h"
#include "analyzer/client.h"
#include "analyzer/command.h"
#include "analyzer/message.h"
#include "analyzer/recorder.h"
#include "analyzer/rejudge.h"
#include "analyzer/reporting.h"
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define QUIET_MS 1000

struct arguments {
	struct reporting reporting;
	const char *what, *socket;
};

static int parse(struct arguments *arguments, int argc, char **argv)
{
	enum { DEBUGINFOD = 256, SOCKET, SYSROOT };
	static const struct option options[] = {
		{"debuginfod", no_argument, NULL, DEBUGINFOD},
		{"help", no_argument, NULL, 'h'},
		{"socket", required_argument, NULL, SOCKET},
		{"sysroot", required_argument, NULL, SYSROOT},
		REPORTING_OPTIONS,
		{0},
	};
	int c, r = 0;

	while (r == 0 && (c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (c == DEBUGINFOD)
			arguments->reporting.options.debuginfod = true;
		else if (c == SOCKET)
			arguments->socket = optarg;
		else if (c == SYSROOT)
			arguments->reporting.options.sysroot = optarg;
		else if (c == 'h')
			return -1;
		else
			r = reporting_option(&arguments->reporting, c, optarg);
	}
	if (r != 0)
		return r < 0 ? EXIT_FAILED : command_misused(&command_report, NULL);
	if (argc - optind != 1)
		return command_misused(&command_report, "one recording or process, please");
	arguments->what = argv[optind];
	return EXIT_FINE;
}

/* Opens what may be a pipe: nobody need write to it, so that is said before we wait for it. */
static int open_recording(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct pollfd polled = {.fd = fd, .events = POLLIN};
	struct stat status;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &status) == 0 && !S_ISREG(status.st_mode) && poll(&polled, 1, QUIET_MS) == 0) {
		message("%s: waiting for somebody to write to it", path);
		poll(&polled, 1, -1);
	}
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
	return fd;
}

static int read_recording(struct model *model, const char *path)
{
	cleanup_close int fd = open_recording(path);
	uint64_t whole, rest;
	int r = fd < 0 ? fd : recording_read(model, fd, &whole, &rest);

	if (r < 0) {
		message("%s: %s", path, strerror(-r));
		return EXIT_FAILED;
	}
	if (whole == 0) {
		message("%s: %s", path, rest ? "this is not a recording" : "this recording is empty");
		return EXIT_FAILED;
	}
	if (rest)
		message("%s: damaged or cut off after %" PRIu64 " bytes; the rest is left out", path, whole);
	if (!model->processes) {
		message("%s: there is no process in this recording", path);
		return EXIT_FAILED;
	}
	return EXIT_FINE;
}

static int fill_model(struct model *model, const struct arguments *arguments)
{
	int pid = client_parse_pid(arguments->what);

	if (pid > 0 && access(arguments->what, F_OK) < 0)
		return client_fetch(model, arguments->socket, pid);
	return read_recording(model, arguments->what);
}

static int run(int argc, char **argv)
{
	struct arguments arguments = {0};
	struct model model;
	int code = parse(&arguments, argc, argv);

	if (code == -1) {
		command_print(&command_report);
		return EXIT_FINE;
	}
	if (code != EXIT_FINE)
		return code;
	model_init(&model);
	code = fill_model(&model, &arguments);
	if (code == EXIT_FINE) {
		rejudge_all(&model);
		if (arguments.reporting.n == 0)
			reporting_add(&arguments.reporting, "text");
		if (reporting_write(&arguments.reporting, &model, stdout) < 0)
			code = EXIT_FAILED;
	}
	model_fini(&model);
	return code;
}

const struct command command_report = {
	.name = "report",
	.run = run,
	.arguments = "[OPTION]... FILE | PID",
	.summary = "Reports on a recording, or on a running process",
	.details = "  --report=FORMAT[:FILE]   write a report: text or json; repeatable; text on standard output when "
		   "none is\n"
		   "                           asked for\n" REPORTING_DETAILS
		   "  --sysroot=DIRECTORY      look for the modules there\n"
		   "  --debuginfod             ask debuginfod servers for missing debug information\n"
		   "  --socket=PATH            where `guardctl serve` listens, for a PID\n",
};
