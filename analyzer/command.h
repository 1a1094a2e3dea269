/*
 * Commands -- one row a command; usage, help and completion are printed from it. Each command is a
 * file cmd_NAME.c that defines its row and parses its own options.
 */
#pragma once

enum exit_code {
	EXIT_FINE = 0,
	EXIT_LEAK = 23,
	EXIT_INCONCLUSIVE = 24,
	EXIT_FAILED = 125, /* guardctl itself failed or was misused */
};

struct command {
	const char *name;
	int (*run)(int argc, char **argv); /* argv[0] is "guardctl"; returns the exit code */
	const char *arguments;
	const char *summary;
	const char *details; /* options, one a line, then what else there is to say; each line ends in \n */
};

extern const struct command command_run, command_report, command_replay, command_serve, command_ps, command_check,
	command_set, command_mark, command_help;

/* All of them, in the order of the help; NULL-terminated. */
extern const struct command *const commands[];
const struct command *command_find(const char *name);
void command_print(const struct command *command);
/* Says how the command is used wrongly; returns EXIT_FAILED. `why` may be NULL when getopt has said it. */
int command_misused(const struct command *command, const char *why);
