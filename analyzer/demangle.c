/*
 * Demangling -- see demangle.h. libiberty does the work; it is asked only about names that can be mangled,
 * as it would turn the C name `i` into the type int.
 */
#include "analyzer/demangle.h"
#include <libiberty/demangle.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static bool may_be_mangled(const char *name)
{
	static const char *const prefixes[] = {"_Z", "__Z", "___Z", "____Z", "_R", "__R", "_GLOBAL_"};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

char *demangle(const char *linkage)
{
	if (!linkage || !may_be_mangled(linkage))
		return NULL;
	return cplus_demangle(linkage, DMGL_AUTO | DMGL_PARAMS | DMGL_ANSI);
}
