/*
 * Launch -- what stands between a command and the agent, told before it is run.
 */
#include "analyzer/launch.h"
#include "analyzer/cleanup.h"
#include "analyzer/elffile.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#define SCRIPT_DEPTH 5 /* as the kernel: more make exec fail with ELOOP */

struct explanation {
	char *text;
	size_t size;
};

static bool is_program(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISREG(status.st_mode) && faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0;
}

static enum launch_status examine(const char *path)
{
	if (is_program(path))
		return LAUNCH_OK;
	return access(path, F_OK) == 0 || errno == EACCES ? LAUNCH_NOT_EXECUTABLE : LAUNCH_NOT_FOUND;
}

enum launch_status launch_find(const char *command, const char *search, char *path, size_t size)
{
	enum launch_status result = LAUNCH_NOT_FOUND;

	snprintf(path, size, "%s", command);
	if (!*command)
		return LAUNCH_NOT_FOUND;
	if (strchr(command, '/'))
		return examine(path);
	if (!search)
		search = "/bin:/usr/bin";
	for (const char *part = search, *end; part; part = *end ? end + 1 : NULL) {
		enum launch_status status;

		end = strchrnul(part, ':');
		if (end == part)
			status =
				(size_t)snprintf(path, size, "./%s", command) < size ? examine(path) : LAUNCH_NOT_FOUND;
		else if ((size_t)snprintf(path, size, "%.*s/%s", (int)(end - part), part, command) < size)
			status = examine(path);
		else
			status = LAUNCH_NOT_FOUND;
		if (status == LAUNCH_OK)
			return LAUNCH_OK;
		if (status == LAUNCH_NOT_EXECUTABLE && access(path, F_OK) == 0)
			result = LAUNCH_NOT_EXECUTABLE;
	}
	snprintf(path, size, "%s", command);
	return result;
}

__attribute__((format(printf, 3, 4))) static enum launch_status say(struct explanation *why, enum launch_status status,
								    const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(why->text, why->size, format, arguments);
	va_end(arguments);
	return status;
}

/* Would the kernel give the program other rights than ours? Then its loader ignores LD_PRELOAD. */
static enum launch_status check_rights(int fd, const char *path, struct explanation *why)
{
	struct statvfs filesystem;
	struct stat status;

	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 || fstat(fd, &status) < 0)
		return LAUNCH_OK;
	if (fstatvfs(fd, &filesystem) == 0 && (filesystem.f_flag & ST_NOSUID))
		return LAUNCH_OK;
	if ((status.st_mode & S_ISUID) && status.st_uid != geteuid())
		return say(why, LAUNCH_REFUSED,
			   "%s is set-user-ID: its loader ignores LD_PRELOAD; run guardctl as its owner instead", path);
	if ((status.st_mode & S_ISGID) && (status.st_mode & S_IXGRP) && status.st_gid != getegid())
		return say(why, LAUNCH_REFUSED,
			   "%s is set-group-ID: its loader ignores LD_PRELOAD; run guardctl with its group instead",
			   path);
	if (geteuid() != 0 && fgetxattr(fd, "security.capability", NULL, 0) > 0)
		return say(
			why, LAUNCH_REFUSED,
			"%s has file capabilities: its loader ignores LD_PRELOAD; run guardctl as root, or a copy of "
			"the program that has none",
			path);
	return LAUNCH_OK;
}

static enum launch_status check_elf(int fd, const char *path, const char *agent, struct explanation *why)
{
	struct elf_facts program, preload;
	cleanup_close int agent_fd = open(agent, O_RDONLY | O_CLOEXEC);
	enum launch_status status;

	if (elf_read_facts(fd, &program) < 0)
		return say(why, LAUNCH_NOT_EXECUTABLE, "%s: its ELF headers cannot be read", path);
	if (agent_fd < 0 || elf_read_facts(agent_fd, &preload) < 0)
		return say(why, LAUNCH_REFUSED, "the agent %s cannot be read: is GUARD_AGENT right?", agent);
	if (program.machine != preload.machine || program.class != preload.class)
		return say(why, LAUNCH_REFUSED,
			   "%s is for %s and the agent %s is for %s: build an agent for it and name it in GUARD_AGENT",
			   path, program.machine_name, agent, preload.machine_name);
	if (program.loader)
		return LAUNCH_OK; /* ld.so itself, run with a program as its argument */
	if (!program.interpreter[0])
		return say(why, LAUNCH_REFUSED,
			   "%s is statically linked: nothing can be preloaded into it; link it dynamically", path);
	if (strstr(program.interpreter, "/ld-musl"))
		return say(why, LAUNCH_REFUSED,
			   "%s is linked with musl and the agent with glibc: build both with one libc", path);
	if (program.runtime_first)
		return say(
			why, LAUNCH_REFUSED,
			"%s is built with AddressSanitizer, whose library lets nothing be preloaded before it: build "
			"it without -fsanitize=address",
			path);
	status = check_rights(fd, path, why);
	if (status == LAUNCH_OK && program.sanitizer)
		return say(why, LAUNCH_OK, "%s is built with %s, so the agent stays out of it", path,
			   program.sanitizer);
	if (status == LAUNCH_OK && program.own_malloc)
		return say(why, LAUNCH_OK,
			   "%s has an allocator of its own in the executable, so the agent stays out of it", path);
	return status;
}

/* The interpreter of a `#!` line; false when the line names none. */
static bool script_interpreter(char *line, char **interpreter)
{
	char *from = line + 2;

	line[strcspn(line, "\n")] = '\0';
	from += strspn(from, " \t");
	from[strcspn(from, " \t")] = '\0';
	*interpreter = from;
	return *from != '\0';
}

static enum launch_status check_file(const char *path, const char *agent, unsigned depth, struct explanation *why)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char line[256] = "", *interpreter;
	enum launch_status status;
	ssize_t n;

	if (fd < 0)
		return LAUNCH_OK; /* executable but not readable: nothing to see, and it may well work */
	n = pread(fd, line, sizeof(line) - 1, 0);
	if (n >= 4 && memcmp(line, "\177ELF", 4) == 0)
		return check_elf(fd, path, agent, why);
	if (depth >= SCRIPT_DEPTH)
		return say(why, LAUNCH_NOT_EXECUTABLE, "%s: too many scripts are each other's interpreter", path);
	if (n < 2 || memcmp(line, "#!", 2) != 0)
		return check_file("/bin/sh", agent, SCRIPT_DEPTH, why); /* what execvp falls back to */
	if (!script_interpreter(line, &interpreter))
		return say(why, LAUNCH_NOT_EXECUTABLE, "%s: its #! line names no interpreter", path);
	status = examine(interpreter);
	if (status != LAUNCH_OK)
		return say(why, status, "%s: its interpreter %s %s", path, interpreter,
			   status == LAUNCH_NOT_FOUND ? "does not exist" : "cannot be executed");
	return check_file(interpreter, agent, depth + 1, why);
}

enum launch_status launch_check(const char *path, const char *agent, char *why, size_t size)
{
	struct explanation explanation = {why, size};

	*why = '\0';
	return check_file(path, agent, 0, &explanation);
}

int launch_agent(char *path, size_t size)
{
	static const char *const places[] = {"/../agent/libguard.so", "/../" GUARD_LIBDIR "/libguard.so"};
	const char *configured = getenv("GUARD_AGENT");
	char self[PATH_MAX], candidate[PATH_MAX + 128], *resolved;
	ssize_t n;

	if (configured && *configured) {
		resolved = realpath(configured, NULL);
		snprintf(path, size, "%s", resolved ? resolved : configured);
		free(resolved);
		return access(path, R_OK) == 0 ? 0 : -ENOENT;
	}
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	self[n > 0 ? n : 0] = '\0';
	if (strrchr(self, '/'))
		*strrchr(self, '/') = '\0';
	for (unsigned i = 0; i < sizeof(places) / sizeof(*places); i++) {
		snprintf(candidate, sizeof(candidate), "%s%s", self, places[i]);
		resolved = realpath(candidate, NULL);
		if (!resolved)
			continue;
		snprintf(path, size, "%s", resolved);
		free(resolved);
		return 0;
	}
	snprintf(path, size, "%s", GUARD_PREFIX_LIBDIR "/libguard.so");
	return access(path, R_OK) == 0 ? 0 : -ENOENT;
}
