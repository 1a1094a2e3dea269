/*
 * guardctl run -- starts a command with the agent preloaded, collects, reports, passes its status on.
 */
#include "analyzer/collector.h"
#include "analyzer/command.h"
#include "analyzer/environment.h"
#include "analyzer/events.h"
#include "analyzer/launch.h"
#include "analyzer/message.h"
#include "analyzer/reporting.h"
#include "analyzer/rundir.h"
#include "analyzer/spawn.h"
#include "analyzer/stream.h"
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define QUIET_MS 100 /* nothing came for so long: those that still live are left alone */

struct run {
	struct reporting reporting;
	struct settings settings;
	const char *recording;
	char **command;
	char agent[PATH_MAX], directory[RUNDIR_SIZE], socket[RUNDIR_SIZE + 8];
	struct recorder recorder;
	struct collector collector;
	struct inheritance inheritance;
	struct source signals;
	struct options options;	    /* the agent's, as we would give them to it */
	char doubt[PATH_MAX + 256]; /* why the agent may stay out of the command; empty: nothing is known */
};

static int parse(struct run *run, int argc, char **argv)
{
	enum { DEBUGINFOD = 256, SET };
	static const struct option options[] = {
		{"debuginfod", no_argument, NULL, DEBUGINFOD},
		{"help", no_argument, NULL, 'h'},
		{"output", required_argument, NULL, 'o'},
		{"set", required_argument, NULL, SET},
		REPORTING_OPTIONS,
		{0},
	};
	int c, r = 0;

	while (r == 0 && (c = getopt_long(argc, argv, "+ho:", options, NULL)) != -1) {
		if (c == 'o')
			run->recording = optarg;
		else if (c == DEBUGINFOD)
			run->reporting.options.debuginfod = true;
		else if (c == SET)
			r = settings_add(&run->settings, optarg);
		else if (c == 'h')
			return -1;
		else
			r = reporting_option(&run->reporting, c, optarg);
	}
	if (r != 0)
		return r < 0 ? EXIT_FAILED : command_misused(&command_run, NULL);
	if (optind >= argc)
		return command_misused(&command_run, "no command given");
	run->command = argv + optind;
	for (unsigned i = 0; i < run->settings.n; i++)
		if (strncmp(run->settings.items[i], "socket=", 7) == 0)
			return command_misused(&command_run, "socket cannot be set: `run` listens on one of its own");
	return EXIT_FINE;
}

/* Can the command be guarded? 0, or the exit code after a message. */
static int check_command(struct run *run)
{
	char path[PATH_MAX];
	enum launch_status status;

	if (launch_agent(run->agent, sizeof(run->agent)) < 0) {
		message("the agent %s is not there; GUARD_AGENT can name another", run->agent);
		return EXIT_FAILED;
	}
	status = launch_find(run->command[0], getenv("PATH"), path, sizeof(path));
	if (status == LAUNCH_NOT_FOUND)
		message("%s: no such command", run->command[0]);
	else if (status == LAUNCH_NOT_EXECUTABLE)
		message("%s: cannot be executed", path);
	if (status != LAUNCH_OK)
		return (int)status;
	status = launch_check(path, run->agent, run->doubt, sizeof(run->doubt));
	if (status != LAUNCH_OK)
		message("%s%s", run->doubt, status == LAUNCH_REFUSED ? "; it was not started" : "");
	return (int)status;
}

static bool loader_takes(const char *path)
{
	return !strpbrk(path, " :");
}

/* A directory of our own for the socket; and for a link to the agent where the loader would not take its path. */
static int make_directory(struct run *run)
{
	char link[RUNDIR_SIZE + 16];
	int r = rundir_make(run->directory);

	if (r < 0)
		return r;
	snprintf(run->socket, sizeof(run->socket), "%s/s", run->directory);
	if (loader_takes(run->agent))
		return 0;
	snprintf(link, sizeof(link), "%s/libguard.so", run->directory);
	if (!loader_takes(link) || symlink(run->agent, link) < 0) {
		message("the loader cannot preload %s: its path has a blank or a colon", run->agent);
		return -EINVAL;
	}
	strcpy(run->agent, link);
	return 0;
}

/* A terminal's keys reach the command by themselves; what was sent to us alone is passed on. */
static void signal_ready(struct collector *collector, struct source *source, uint32_t events)
{
	struct signalfd_siginfo information;

	(void)events;
	while (read(source->fd, &information, sizeof(information)) == sizeof(information)) {
		int signal = (int)information.ssi_signo;

		if ((signal == SIGTERM || signal == SIGHUP) && !collector->child.ended)
			kill(collector->child.pid, signal);
	}
}

static int start_collecting(struct run *run)
{
	struct collector *collector = &run->collector;
	sigset_t handled;
	int r, fd;

	sigemptyset(&handled);
	sigaddset(&handled, SIGTERM);
	sigaddset(&handled, SIGHUP);
	sigaddset(&handled, SIGINT);
	sigaddset(&handled, SIGQUIT);
	inheritance_set_aside(&run->inheritance, &handled);
	fd = signalfd(-1, &handled, SFD_CLOEXEC | SFD_NONBLOCK);
	r = fd < 0 ? -errno : source_add(collector, &run->signals, fd, EPOLLIN, signal_ready);
	if (r == 0)
		r = collector_listen(collector, run->socket);
	if (r < 0)
		message("cannot listen on %s: %s", run->socket, strerror(-r));
	collector->event = event_print;
	if (run->recording)
		collector->recorder = &run->recorder;
	return r;
}

static void collect(struct run *run)
{
	struct collector *collector = &run->collector;

	while (!collector->child.ended) {
		if (collector_step(collector, collector->child.pidfd.fd >= 0 ? -1 : 50) < 0)
			break;
		collector_reap(collector);
	}
	streams_finish(collector, QUIET_MS);
}

/* The agent passes through in silence where it must; what is known of the command may tell why. */
static void explain_silence(const struct run *run)
{
	static const char likely[] =
		"likely it, or what runs it, clears LD_PRELOAD, is set-user-ID (sudo), or brings its "
		"own malloc or a sanitizer";
	const char *why = run->options.mode == MODE_OFF ? "mode is off" : *run->doubt ? run->doubt : likely;

	message("no agent has connected from %s, so there is nothing to report: %s", run->command[0], why);
}

static int report(struct run *run)
{
	struct collector *collector = &run->collector;
	bool asked = run->reporting.n > 0;

	losses_print(collector);
	if (!collector->model.processes)
		explain_silence(run);
	else if (!asked)
		reporting_add(&run->reporting, "text");
	return reporting_write(&run->reporting, &collector->model, stderr);
}

static int start_command(struct run *run)
{
	const struct guarding guarding = {run->agent, run->socket, &run->settings};
	pid_t pid;
	int r = spawn(&pid, run->command, &guarding, &run->inheritance);

	if (r == 0) {
		collector_follow_child(&run->collector, pid);
		return 0;
	}
	message("%s: %s", run->command[0], strerror(-r));
	return r == -ENOENT ? LAUNCH_NOT_FOUND : r == -EAGAIN || r == -ENOMEM ? EXIT_FAILED : LAUNCH_NOT_EXECUTABLE;
}

static int guard(struct run *run)
{
	int code = make_directory(run) < 0 || start_collecting(run) < 0 ? EXIT_FAILED : start_command(run);
	int status;

	if (code != EXIT_FINE)
		return code;
	collect(run);
	status = run->collector.child.status;
	code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	if (report(run) < 0 && code == EXIT_FINE)
		code = EXIT_FAILED;
	return code;
}

static int run_command(int argc, char **argv)
{
	static struct run run; /* large */
	int code = parse(&run, argc, argv), r;

	if (code == -1) {
		command_print(&command_run);
		return EXIT_FINE;
	}
	if (code == EXIT_FINE)
		code = check_command(&run);
	if (code != EXIT_FINE)
		return code;
	environment_read(&run.options);
	settings_apply(&run.settings, &run.options);
	run.signals.fd = -1;
	if (run.recording && (r = recorder_init(&run.recorder, run.recording)) < 0) {
		message("%s: %s", run.recording, strerror(-r));
		return EXIT_FAILED;
	}
	r = collector_init(&run.collector);
	if (r < 0)
		message("cannot collect: %s", strerror(-r));
	code = r < 0 ? EXIT_FAILED : guard(&run);
	source_close(&run.collector, &run.signals);
	collector_fini(&run.collector);
	rundir_remove(run.directory);
	if (run.recording)
		recorder_fini(&run.recorder);
	return code;
}

const struct command command_run = {
	.name = "run",
	.run = run_command,
	.arguments = "[OPTION]... [--] COMMAND [ARGUMENT]...",
	.summary = "Runs a command with the agent preloaded and reports when it has ended",
	.details = "  -o, --output=FILE        record everything that the agents send\n"
		   "  --report=FORMAT[:FILE]   write a report: text or json; repeatable; FILE `-` is standard output;\n"
		   "                           text on standard error when none is asked for\n"
		   "  --set=NAME=VALUE         set an option of the agent (`guardctl help options`); "
		   "repeatable\n" REPORTING_DETAILS
		   "  --debuginfod             ask debuginfod servers for missing debug information\n"
		   "\n"
		   "The command's exit status is passed on, 128+N when signal N ended it. A command that cannot be\n"
		   "preloaded (statically linked, set-user-ID, for another machine) is not started: 125.\n",
};
