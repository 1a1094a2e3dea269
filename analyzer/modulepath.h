/*
 * Module paths -- from what the loader said to a file that can be opened. Pure: looks at no file.
 */
#pragma once
#include "analyzer/model.h"

/*
 * Where the module's file lies, to be freed: absolute (by the process's working directory), after
 * sysroot if there is one. *deleted: the kernel had marked it so. *pseudo: there is no file (vDSO).
 * NULL when out of memory.
 */
char *module_path(const struct process *process, const struct module *module, const char *sysroot, bool *deleted,
		  bool *pseudo);
/* The path as reports show it: the executable's own where the loader left it empty. */
const char *module_name(const struct process *process, const struct module *module);
/* The last component of a path. */
const char *base_name(const char *path);
/* Whether this is the agent, whose frames never show. */
bool module_is_agent(const struct module *module);
/*
 * A source path without "/./" and "/x/../", a relative one put after directory if that is absolute; to be
 * freed. NULL when out of memory.
 */
char *tidy_path(const char *directory, const char *path);
