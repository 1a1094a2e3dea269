/*
 * guardctl ps -- the processes that a collector knows, a line each.
 */
#include "analyzer/client.h"
#include "analyzer/command.h"
#include "analyzer/overview.h"
#include "protocol/frame.h"
#include <getopt.h>
#include <stdio.h>

static void print_line(void *context, const struct wire_header *frame)
{
	const struct wire_record *record = frame_next(frame, NULL, NULL);
	bool *any = context;

	if (!record || record->kind != WIRE_TEXT || record_size(record) == 0)
		return;
	if (!*any)
		puts(overview_titles);
	*any = true;
	printf("%.*s\n", (int)record_size(record), (const char *)record_body(record, 0));
}

static int run(int argc, char **argv)
{
	const char *socket = NULL;
	bool any = false;
	int code = client_options(&command_ps, argc, argv, &socket);

	if (code != -1)
		return code;
	if (optind < argc)
		return command_misused(&command_ps, "it takes no arguments");
	code = client_ask(socket, QUERY_LIST, 0, NULL, print_line, &any);
	if (code == EXIT_FINE && !any)
		puts("no process yet");
	return code;
}

const struct command command_ps = {
	.name = "ps",
	.run = run,
	.arguments = "[--socket=PATH]",
	.summary = "Lists guarded processes with RSS, live bytes and verdict",
	.details = CLIENT_DETAILS
	"\nWhere nobody serves, it listens there itself for three seconds: agents that look for an\n"
	"analyzer at this socket find it within one.\n",
};
