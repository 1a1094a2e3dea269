/*
 * Launch -- can the agent be preloaded into this command, and where is the agent?
 *
 * Looks only: the PATH search of execvp, `#!` lines, ELF headers, set-user-ID bits and file
 * capabilities. Answers with guardctl's exit code and one sentence that names the way out.
 */
#pragma once
#include <stddef.h>

enum launch_status {
	LAUNCH_OK = 0,
	LAUNCH_REFUSED = 125, /* it would run, but without the agent */
	LAUNCH_NOT_EXECUTABLE = 126,
	LAUNCH_NOT_FOUND = 127,
};

/* What execvp(command) would run, by the search path `search` (NULL: the default one). */
enum launch_status launch_find(const char *command, const char *search, char *path, size_t size);
/*
 * Whether the file at path (as launch_find gave it) can be run with `agent` preloaded; `why` gets a sentence if not,
 * and also where the agent will be loaded but stay out of it.
 */
enum launch_status launch_check(const char *path, const char *agent, char *why, size_t size);
/*
 * The agent's path: GUARD_AGENT, else that of the build tree or installation guardctl is part of. 0, or
 * -ENOENT when there is none; `path` then names what was looked for.
 */
int launch_agent(char *path, size_t size);
