/*
 * Module paths -- see modulepath.h.
 */
#include "analyzer/modulepath.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DELETED_MARK " (deleted)"

const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

const char *module_name(const struct process *process, const struct module *module)
{
	if (module->path && module->path[0])
		return module->path;
	if ((module->wire.flags & MODULE_MAIN) && process->exe)
		return process->exe;
	return module->path ? module->path : "";
}

bool module_is_agent(const struct module *module)
{
	const char *name = module->path ? base_name(module->path) : "";
	static const char agent[] = "libguard.so";
	size_t length = sizeof(agent) - 1;

	return strncmp(name, agent, length) == 0 &&
	       (name[length] == '\0' || name[length] == '.' || name[length] == ' ');
}

char *module_path(const struct process *process, const struct module *module, const char *sysroot, bool *deleted,
		  bool *pseudo)
{
	const char *name = module_name(process, module), *before = "", *between = "";
	size_t length = strlen(name), mark = strlen(DELETED_MARK);
	char *path;

	*pseudo = name[0] == '\0' || name[0] == '[' || strncmp(name, "linux-vdso.", 11) == 0 ||
		  strncmp(name, "linux-gate.", 11) == 0;
	*deleted = length > mark && strcmp(name + length - mark, DELETED_MARK) == 0;
	if (*deleted)
		length -= mark;
	if (name[0] != '/' && !*pseudo && process->cwd) {
		before = process->cwd;
		between = "/";
	}
	if (asprintf(&path, "%s%s%s%.*s", sysroot && !*pseudo ? sysroot : "", before, between, (int)length, name) < 0)
		return NULL;
	return path;
}

char *tidy_path(const char *directory, const char *path)
{
	bool join = path[0] != '/' && directory && directory[0] == '/', absolute = join || path[0] == '/';
	size_t size = strlen(path) + (join ? strlen(directory) : 0) + 2;
	char *tidy = malloc(size), *end = tidy, *joined = NULL;
	const char *rest = path;

	if (!tidy || (join && asprintf(&joined, "%s/%s", directory, path) < 0)) {
		free(tidy);
		return NULL;
	}
	if (join)
		rest = joined;
	for (; *rest; rest += strspn(rest, "/")) {
		size_t length = strcspn(rest, "/");
		char *slash = memrchr(tidy, '/', end - tidy), *last = slash ? slash + 1 : tidy;

		if (length == 2 && memcmp(rest, "..", 2) == 0 && end != last &&
		    !(end - last == 2 && memcmp(last, "..", 2) == 0)) {
			end = slash ? slash : tidy;
		} else if (length && !(length == 1 && rest[0] == '.')) {
			if (absolute || end != tidy)
				*end++ = '/';
			memcpy(end, rest, length);
			end += length;
		}
		rest += length;
	}
	*end = '\0';
	free(joined);
	return tidy;
}
