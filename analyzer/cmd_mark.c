/*
 * guardctl mark -- tells agents that an iteration has ended: what is live now should be live no more at the next mark.
 */
#include "analyzer/client.h"
#include "analyzer/command.h"
#include "analyzer/message.h"
#include <getopt.h>
#include <stdio.h>

static int run(int argc, char **argv)
{
	const char *socket = NULL, *name = "";
	int code = client_options(&command_mark, argc, argv, &socket), pid = 0;

	if (code != -1)
		return code;
	if (optind < argc && client_parse_pid(argv[optind]) > 0)
		pid = client_parse_pid(argv[optind++]);
	if (optind < argc)
		name = argv[optind++];
	if (optind < argc)
		return command_misused(&command_mark, "one process and one name, please");
	return client_tell(socket, QUERY_MARK, pid, name);
}

const struct command command_mark = {
	.name = "mark",
	.run = run,
	.arguments = "[--socket=PATH] [PID] [NAME]",
	.summary = "Marks the end of an iteration of a test, or of a request",
	.details = CLIENT_DETAILS
	"\nIn a command under `guardctl run` it needs no --socket. Without PID all processes are marked. What has\n"
	"more live blocks at each of five marks than at the one before is growth. A name that is a number needs\n"
	"a PID before it.\n",
};
