/*
 * Commands -- the table and what is printed from it.
 */
#include "analyzer/command.h"
#include "analyzer/message.h"
#include <stddef.h>
#include <stdio.h>
#include <string.h>

const struct command *const commands[] = {
	&command_run,	&command_report, &command_replay, &command_serve, &command_ps,
	&command_check, &command_set,	 &command_mark,	  &command_help,  NULL,
};

const struct command *command_find(const char *name)
{
	for (unsigned i = 0; commands[i]; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

void command_print(const struct command *command)
{
	printf("usage: guardctl %s %s\n\n%s.\n\n%s", command->name, command->arguments, command->summary,
	       command->details);
}

int command_misused(const struct command *command, const char *why)
{
	if (why)
		message("%s: %s", command->name, why);
	message("usage: guardctl %s %s", command->name, command->arguments);
	return EXIT_FAILED;
}
