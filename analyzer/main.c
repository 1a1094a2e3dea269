/*
 * guardctl -- collects and reports what libguard.so sees in other programs.
 */
#include "analyzer/command.h"
#include "analyzer/message.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A closed standard descriptor must not become a file of ours; those we put there close at exec again. */
static void fill_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : NULL;
	const struct command *command;
	int code;

	fill_standard_descriptors();
	if (!name) {
		message("no command given; `guardctl help` lists them");
		return EXIT_FAILED;
	}
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
		name = "help";
	if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
		puts("guardctl " GUARD_VERSION);
		return EXIT_FINE;
	}
	command = command_find(name);
	if (!command) {
		message("there is no command %s; `guardctl help` lists them", name);
		return EXIT_FAILED;
	}
	argv[1] = (char *)"guardctl"; /* what getopt puts before its messages */
	code = command->run(argc - 1, argv + 1);
	if (fflush(stdout) != 0)
		message("standard output: %s", strerror(errno));
	else if (!ferror(stdout))
		return code;
	return code == EXIT_FINE ? EXIT_FAILED : code;
}
