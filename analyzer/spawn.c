/*
 * Spawning -- fork, put everything back as it was, exec. The pipe tells why exec failed.
 */
#include "analyzer/spawn.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void inheritance_set_aside(struct inheritance *inheritance, const sigset_t *handled)
{
	const struct sigaction normal = {.sa_handler = SIG_DFL}, ignored = {.sa_handler = SIG_IGN};
	struct rlimit limit;

	sigprocmask(SIG_BLOCK, handled, &inheritance->mask);
	sigaction(SIGCHLD, &normal, &inheritance->on_child); /* ignored, it would lose the exit status */
	sigaction(SIGPIPE, &ignored, &inheritance->on_pipe);
	sigaction(SIGXFSZ, &ignored, &inheritance->on_size);
	getrlimit(RLIMIT_NOFILE, &inheritance->descriptors);
	limit = inheritance->descriptors;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static void put_back(const struct inheritance *inheritance)
{
	sigaction(SIGCHLD, &inheritance->on_child, NULL);
	sigaction(SIGPIPE, &inheritance->on_pipe, NULL);
	sigaction(SIGXFSZ, &inheritance->on_size, NULL);
	setrlimit(RLIMIT_NOFILE, &inheritance->descriptors);
	sigprocmask(SIG_SETMASK, &inheritance->mask, NULL);
}

static int prepare_environment(const struct guarding *guarding)
{
	const char *before = getenv("LD_PRELOAD");
	char *preload = NULL;
	int r = 0;

	if (asprintf(&preload, "%s%s%s", guarding->agent, before && *before ? ":" : "", before ? before : "") < 0)
		return -ENOMEM;
	if (setenv("LD_PRELOAD", preload, 1) < 0 || setenv("GUARD_SOCKET", guarding->socket, 1) < 0)
		r = -ENOMEM;
	free(preload);
	return r < 0 ? r : settings_export(guarding->settings);
}

static void become(char **argv, const struct guarding *guarding, const struct inheritance *inheritance, int failed)
{
	int error = -prepare_environment(guarding);

	if (!error) {
		put_back(inheritance);
		execvp(argv[0], argv);
		error = errno;
	}
	if (write(failed, &error, sizeof(error)) < 0)
		error = 0; /* then the exit status alone tells */
	_exit(EXIT_FAILURE);
}

int spawn(pid_t *pid, char **argv, const struct guarding *guarding, const struct inheritance *inheritance)
{
	int failed[2], error = 0;
	ssize_t n;

	if (pipe2(failed, O_CLOEXEC) < 0)
		return -errno;
	*pid = fork();
	if (*pid < 0) {
		error = errno;
		close(failed[0]);
		close(failed[1]);
		return -error;
	}
	if (*pid == 0)
		become(argv, guarding, inheritance, failed[1]);
	close(failed[1]);
	do
		n = read(failed[0], &error, sizeof(error));
	while (n < 0 && errno == EINTR);
	close(failed[0]);
	if (n != sizeof(error))
		return 0;
	waitpid(*pid, NULL, 0);
	return -error;
}
