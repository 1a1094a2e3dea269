/*
 * guardctl replay -- judges an event log in virtual time, and reports on it like on any run.
 */
#include "analyzer/cleanup.h"
#include "analyzer/command.h"
#include "analyzer/environment.h"
#include "analyzer/message.h"
#include "analyzer/replay.h"
#include "analyzer/reporting.h"
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_ROOM (1u << 20)

struct arguments {
	struct reporting reporting;
	struct settings settings;
	bool gate;
	const char *file;
};

static int parse(struct arguments *arguments, int argc, char **argv)
{
	enum { GATE = 256, SET };
	static const struct option options[] = {
		{"gate", no_argument, NULL, GATE},
		{"help", no_argument, NULL, 'h'},
		{"set", required_argument, NULL, SET},
		REPORTING_OPTIONS,
		{0},
	};
	int c, r = 0;

	while (r == 0 && (c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (c == GATE)
			arguments->gate = true;
		else if (c == SET)
			r = settings_add(&arguments->settings, optarg);
		else if (c == 'h')
			return -1;
		else
			r = reporting_option(&arguments->reporting, c, optarg);
	}
	if (r != 0)
		return r < 0 ? EXIT_FAILED : command_misused(&command_replay, NULL);
	if (argc - optind != 1)
		return command_misused(&command_replay, "one event log, please");
	arguments->file = argv[optind];
	return EXIT_FINE;
}

/* All of the file, to be freed. 0 or -errno. */
static int read_whole(const char *path, char **text, size_t *length)
{
	cleanup_close int opened = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	int fd = strcmp(path, "-") ? opened : STDIN_FILENO;
	size_t room = 0;
	ssize_t n = 1;

	*text = NULL;
	*length = 0;
	while (fd >= 0 && n > 0) {
		if (*length == room) {
			char *grown = realloc(*text, room ? room * 2 : FIRST_ROOM);

			if (!grown)
				return -ENOMEM;
			*text = grown;
			room = room ? room * 2 : FIRST_ROOM;
		}
		n = read(fd, *text + *length, room - *length);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0)
			*length += (size_t)n;
	}
	return fd < 0 || n < 0 ? -errno : 0;
}

static int replay(struct model *model, const struct arguments *arguments)
{
	cleanup_free char *text = NULL;
	const char *error = NULL, *name = strcmp(arguments->file, "-") ? arguments->file : "(standard input)";
	struct options options;
	uint64_t line = 0;
	size_t length;
	int r = read_whole(arguments->file, &text, &length);

	options_default(&options);
	environment_read(&options);
	settings_apply(&arguments->settings, &options);
	if (r == 0)
		r = replay_log(model, &options, name, text, length, &line, &error);
	if (r == -EBADMSG)
		message("%s:%" PRIu64 ": %s", name, line, error);
	else if (r < 0)
		message("%s: %s", name, strerror(-r));
	return r < 0 ? EXIT_FAILED : EXIT_FINE;
}

static int gate(const struct model *model)
{
	switch (model->processes->verdict.state) {
	case VERDICT_LEAK:
	case VERDICT_GROWTH:
		return EXIT_LEAK;
	case VERDICT_INCONCLUSIVE:
		return EXIT_INCONCLUSIVE;
	default:
		return EXIT_FINE;
	}
}

static int run(int argc, char **argv)
{
	struct arguments arguments = {0};
	struct model model;
	int code = parse(&arguments, argc, argv);

	if (code == -1) {
		command_print(&command_replay);
		return EXIT_FINE;
	}
	if (code != EXIT_FINE)
		return code;
	model_init(&model);
	code = replay(&model, &arguments);
	if (code == EXIT_FINE) {
		if (arguments.reporting.n == 0)
			reporting_add(&arguments.reporting, "text");
		if (reporting_write(&arguments.reporting, &model, stdout) < 0)
			code = EXIT_FAILED;
		else if (arguments.gate)
			code = gate(&model);
	}
	model_fini(&model);
	return code;
}

const struct command command_replay = {
	.name = "replay",
	.run = run,
	.arguments = "[OPTION]... FILE | -",
	.summary = "Judges a log of allocations in virtual time",
	.details = "  --report=FORMAT[:FILE]   write a report: text or json; repeatable; text on standard output when "
		   "none is asked for\n"
		   "  --set=NAME=VALUE         set an option (`guardctl help options`)\n" REPORTING_DETAILS
		   "  --gate                   exit with 23 for a leak or growth, with 24 when it is inconclusive\n"
		   "\nThe log is text, one event a line; T: seconds since the program began, SITE: any word:\n"
		   "  a T ID BYTES SITE          an allocation\n"
		   "  f T ID                     a free\n"
		   "  r T ID NEWID BYTES SITE    a realloc\n"
		   "  m T RSS_BYTES              a memory sample\n"
		   "  k T                        a mark\n"
		   "  e T                        the end\n",
};
