/*
 * Demangling -- see demangle.h. libiberty does the work; without DMGL_TYPES it leaves plain C names alone.
 */
#include "analyzer/demangle.h"
#include <libiberty/demangle.h>
#include <stddef.h>

char *demangle(const char *linkage)
{
	return linkage ? cplus_demangle(linkage, DMGL_AUTO | DMGL_PARAMS | DMGL_ANSI) : NULL;
}
