/*
 * Object files -- one executable or shared object, with its separate debug file if there is one.
 *
 * Addresses are link addresses: those in the file's own headers. A file whose build-id is not the one asked
 * for is not read; the debug file that has that build-id is taken instead where it is installed.
 */
#pragma once
#include "analyzer/debuginfo.h"
#include <stddef.h>

struct objfile_wanted {
	const char *path;	       /* sysroot included */
	const unsigned char *build_id; /* NULL: not known, then the file must be older than not_after */
	size_t build_id_length;
	uint64_t not_after; /* seconds since the epoch; 0: any age */
	const char *sysroot;
	bool debuginfod; /* ask servers for the debug file, as DEBUGINFOD_URLS says */
};

struct objfile_symbol {
	const char *name;
	uint64_t start, size; /* size 0: unknown */
	bool covers;	      /* the symbol says that it reaches the address */
};

struct objfile;
/* 0, or -ENOENT, -EACCES..., -ENOEXEC (no object file), -ESTALE (another file than the one wanted). */
int objfile_open(struct objfile **out, const struct objfile_wanted *wanted);
void objfile_free(struct objfile *file);
/* The function symbol at or before the address, in the same section. False: there is none. */
bool objfile_symbol(struct objfile *file, uint64_t address, struct objfile_symbol *symbol);
/* Whether local functions have symbols too, so that a symbol's name is no guess. */
bool objfile_has_all_symbols(struct objfile *file);
/* debuginfo_find with link addresses. */
unsigned objfile_find(struct objfile *file, uint64_t address, struct source_frame frames[DEBUGINFO_FRAMES]);
