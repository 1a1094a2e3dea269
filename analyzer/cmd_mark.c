/*
 * guardctl mark -- tells agents that an iteration has ended: what is live now should be live no more at the next mark.
 */
#include "analyzer/client.h"
#include "analyzer/command.h"
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
	const char *socket = NULL, *name = "";
	int c, pid = 0;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (c == 'h') {
			command_print(&command_mark);
			return EXIT_FINE;
		}
		if (c != 's')
			return command_misused(&command_mark, NULL);
		socket = optarg;
	}
	if (optind < argc && client_parse_pid(argv[optind]) > 0)
		pid = client_parse_pid(argv[optind++]);
	if (optind < argc)
		name = argv[optind++];
	if (optind < argc)
		return command_misused(&command_mark, "one process and one name, please");
	return client_ask(socket, QUERY_MARK, pid, name, take, NULL);
}

const struct command command_mark = {
	.name = "mark",
	.run = run,
	.arguments = "[--socket=PATH] [PID] [NAME]",
	.summary = "Marks the end of an iteration of a test, or of a request",
	.details = "  --socket=PATH    where `guardctl serve` or `guardctl run` listens\n"
		   "\nWithout PID all processes are marked. What has more live blocks at each of five marks than at\n"
		   "the one before is growth. A name that is a number needs a PID before it.\n",
};
