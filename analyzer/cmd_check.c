/*
 * guardctl check -- self-check of one process: the verdict as a line and as the exit code.
 */
#include "analyzer/client.h"
#include "analyzer/command.h"
#include "analyzer/message.h"
#include "analyzer/overview.h"
#include "protocol/frame.h"
#include <getopt.h>
#include <stdio.h>

static void take(void *context, const struct wire_header *frame)
{
	const struct wire_record *record = NULL;
	unsigned *state = context;

	while ((record = frame_next(frame, record, NULL))) {
		const struct wire_verdict *verdict = record_body(record, sizeof(*verdict));

		if (record->kind == WIRE_VERDICT && verdict)
			*state = verdict->state;
		else if (record->kind == WIRE_TEXT && record_size(record))
			printf("%s\n%.*s\n", overview_titles, (int)record_size(record),
			       (const char *)record_body(record, 0));
	}
}

static int code_of(unsigned state)
{
	switch (state) {
	case VERDICT_LEAK:
	case VERDICT_GROWTH:
		return EXIT_LEAK;
	case VERDICT_STABLE:
	case VERDICT_WARM_UP:
	case VERDICT_RETENTION:
	case VERDICT_EXTERNAL:
		return EXIT_FINE;
	default:
		return EXIT_INCONCLUSIVE;
	}
}

static int run(int argc, char **argv)
{
	const char *socket = NULL;
	unsigned state = VERDICT_INCONCLUSIVE;
	int code = client_options(&command_check, argc, argv, &socket), pid;

	if (code != -1)
		return code;
	if (argc - optind != 1)
		return command_misused(&command_check, "one process, please");
	pid = client_parse_pid(argv[optind]);
	if (pid < 0) {
		message("check: \"%s\" is no process id", argv[optind]);
		return EXIT_FAILED;
	}
	code = client_ask(socket, QUERY_CHECK, pid, NULL, take, &state);
	return code == EXIT_FINE ? code_of(state) : code;
}

const struct command command_check = {
	.name = "check",
	.run = run,
	.arguments = "[--socket=PATH] PID",
	.summary = "Asks one process for its verdict now",
	.details = CLIENT_DETAILS
	"\nExit code: 23 leak or growth, 24 inconclusive, 0 any other verdict, 125 not reachable.\n",
};
