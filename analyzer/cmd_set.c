/*
 * guardctl set -- changes one option of a running agent.
 */
#include "analyzer/client.h"
#include "analyzer/command.h"
#include "analyzer/environment.h"
#include "analyzer/message.h"
#include <getopt.h>
#include <stdio.h>

static int run(int argc, char **argv)
{
	const char *socket = NULL;
	int code = client_options(&command_set, argc, argv, &socket), pid;

	if (code != -1)
		return code;
	if (argc - optind != 2)
		return command_misused(&command_set, "one process and one NAME=VALUE, please");
	pid = client_parse_pid(argv[optind]);
	if (pid < 0) {
		message("set: \"%s\" is no process id", argv[optind]);
		return EXIT_FAILED;
	}
	if (setting_check(argv[optind + 1]) < 0)
		return EXIT_FAILED;
	return client_tell(socket, QUERY_SET, pid, argv[optind + 1]);
}

const struct command command_set = {
	.name = "set",
	.run = run,
	.arguments = "[--socket=PATH] PID NAME=VALUE",
	.summary = "Changes an option of a running agent",
	.details = CLIENT_DETAILS "\nThe options are those of `guardctl help options`.\n",
};
