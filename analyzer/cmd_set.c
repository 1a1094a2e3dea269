/*
 * guardctl set -- changes one option of a running agent.
 */
#include "analyzer/client.h"
#include "analyzer/command.h"
#include "analyzer/environment.h"
#include "analyzer/message.h"
#include <getopt.h>
#include <stdio.h>

static void take(void *context, const struct wire_header *frame)
{
	(void)context;
	(void)frame; /* that it is no refusal says all */
}

static int run(int argc, char **argv)
{
	static const struct option options[] = {
		{"help", no_argument, NULL, 'h'}, {"socket", required_argument, NULL, 's'}, {0}};
	const char *socket = NULL;
	int c, pid;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (c == 'h') {
			command_print(&command_set);
			return EXIT_FINE;
		}
		if (c != 's')
			return command_misused(&command_set, NULL);
		socket = optarg;
	}
	if (argc - optind != 2)
		return command_misused(&command_set, "one process and one NAME=VALUE, please");
	pid = client_parse_pid(argv[optind]);
	if (pid < 0) {
		message("set: \"%s\" is no process id", argv[optind]);
		return EXIT_FAILED;
	}
	if (setting_check(argv[optind + 1]) < 0)
		return EXIT_FAILED;
	return client_ask(socket, QUERY_SET, pid, argv[optind + 1], take, NULL);
}

const struct command command_set = {
	.name = "set",
	.run = run,
	.arguments = "[--socket=PATH] PID NAME=VALUE",
	.summary = "Changes an option of a running agent",
	.details = "  --socket=PATH    where `guardctl serve` listens\n"
		   "\nThe options are those of `guardctl help options`.\n",
};
