/*
 * guardctl help -- the commands, one command, or the table of options in three formats.
 */
#include "analyzer/command.h"
#include "analyzer/message.h"
#include "protocol/options.h"
#include <getopt.h>
#include <stdio.h>
#include <string.h>

static const char *fallback_of(const struct option_row *row)
{
	if (*row->fallback)
		return row->fallback;
	return row->type == OPTION_STRING ? "see below" : "none";
}

static void print_text(const struct option_row *row)
{
	printf("  %-21s %-9s %s\n", row->name, fallback_of(row), row->help);
}

static void print_markdown(const struct option_row *row)
{
	printf("| %s | %s | %s |\n", row->name, fallback_of(row), row->help);
}

static void print_man(const struct option_row *row)
{
	printf(".TP\n\\fB%s\\fR (%s)\n%s\n", row->name, fallback_of(row), row->help);
}

static int print_options(const char *format)
{
	static const struct {
		const char *name, *head, *foot;
		void (*print)(const struct option_row *row);
	} formats[] = {
		{"text",
		 "Options of the agent: --set NAME=VALUE, or GUARD_NAME=VALUE in the environment.\n\n"
		 "  name                  default   meaning\n",
		 "\nThe socket is $XDG_RUNTIME_DIR/guard.sock, else /run/guard/guard.sock for root, else\n"
		 "/tmp/guard-UID/guard.sock. Sizes take K, M, G; times ms, s, m, h; rates SIZE/TIME.\n",
		 print_text},
		{"markdown", "| option | default | meaning |\n|---|---|---|\n", "", print_markdown},
		{"man", "", "", print_man},
	};

	for (unsigned i = 0; i < sizeof(formats) / sizeof(*formats); i++) {
		if (strcmp(formats[i].name, format) != 0)
			continue;
		fputs(formats[i].head, stdout);
		for (unsigned k = 0; k < n_option_rows; k++)
			formats[i].print(&option_rows[k]);
		fputs(formats[i].foot, stdout);
		return EXIT_FINE;
	}
	message("help: there is no format %s; there are text, markdown and man", format);
	return EXIT_FAILED;
}

static int print_overview(void)
{
	puts("usage: guardctl COMMAND ...\n\nFinds heap leaks in unmodified programs with the preloaded agent "
	     "libguard.so.\n");
	for (unsigned i = 0; commands[i]; i++)
		printf("  %-10s %s\n", commands[i]->name, commands[i]->summary);
	puts("\n`guardctl help COMMAND` says more, `guardctl help options` lists the options of the agent.\n"
	     "Exit codes: 0 fine, 23 leak, 24 inconclusive, 125 guardctl failed or was misused, 126 and 127 the\n"
	     "command could not be executed or was not found; `run` otherwise passes on the command's own.");
	return EXIT_FINE;
}

static int run(int argc, char **argv)
{
	static const struct option options[] = {
		{"format", required_argument, NULL, 'f'}, {"help", no_argument, NULL, 'h'}, {0}};
	const char *format = "text";
	const struct command *command;
	int c;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (c == 'f')
			format = optarg;
		else if (c == '?')
			return command_misused(&command_help, NULL);
	}
	if (optind >= argc)
		return print_overview();
	if (strcmp(argv[optind], "options") == 0)
		return print_options(format);
	command = command_find(argv[optind]);
	if (!command) {
		message("help: there is no command %s; `guardctl help` lists them", argv[optind]);
		return EXIT_FAILED;
	}
	command_print(command);
	return EXIT_FINE;
}

const struct command command_help = {
	.name = "help",
	.run = run,
	.arguments = "[COMMAND | options [--format=text|markdown|man]]",
	.summary = "Says how a command is used, or lists the options of the agent",
	.details = "  --format=FORMAT    of the table of options: text, markdown or man\n",
};
