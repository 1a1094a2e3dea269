/*
 * exec with no environment, with no arguments at all, with a megabyte of both (hazards 23, 92, 93).
 * Equal: what the new image sees, byte for byte but for the preload itself.
 */
#include "host.h"

extern char **environ;

static unsigned long sum(char **texts)
{
	unsigned long total = 5381;

	for (; texts && *texts; texts++) {
		if (!strncmp(*texts, "LD_PRELOAD=", 11) || !strncmp(*texts, "GUARD_", 6) ||
		    !strncmp(*texts, "HOSTS_", 6))
			continue;
		for (const char *c = *texts; *c; c++)
			total = total * 33 + (unsigned char)*c;
	}
	return total;
}

static void run(const char *what, char **arguments, char **environment)
{
	pid_t child = fork();

	if (!child) {
		churn(10);
		execve("/proc/self/exe", arguments, environment);
		say("%s: %s\n", what, strerror(errno));
		_exit(1);
	}
	say_end(what, child);
}

int main(int argc, char **argv)
{
	char *again[] = {(char *)"again", (char *)"again", NULL}, *none[] = {NULL}, *huge[21], *large;

	churn(10);
	if (argc != 1 || !strcmp(argv[0], "again") || !argv[0][0]) {
		say("arguments %d %lx, environment %lx\n", argc, sum(argv), sum(environ));
		return 3;
	}
	run("no environment", again, none);
	run("null environment", again, NULL);
	run("own environment", again, environ);
	run("no arguments", none, environ);
	large = malloc(50001);
	memset(large, 'x', 50000);
	large[50000] = '\0';
	for (int i = 0; i < 20; i++)
		huge[i] = large;
	huge[20] = NULL;
	run("a megabyte of arguments", huge, environ);
	large[3] = '=';
	run("a megabyte of environment", again, huge);
	return 0;
}
