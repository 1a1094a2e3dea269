/*
 * Debug information -- from an address to functions and lines, inlined calls included, by libdw.
 *
 * Units are indexed when a file is opened, the functions of a unit when an address first falls into it; a look-up then
 * costs two binary searches and a walk down one function. (libdw's own index needs .debug_aranges, which clang
 * and rustc do not write.)
 */
#pragma once
#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stdint.h>

struct source_frame {
	const char *name;      /* as in the source, unqualified; NULL: unknown */
	const char *linkage;   /* the mangled name; NULL: none */
	const char *file;      /* NULL: unknown */
	const char *directory; /* what a relative file is relative to; NULL: unknown */
	uint32_t line;	       /* 0: unknown */
	uint64_t entry;	       /* where a function that is not inlined begins, else 0 */
	bool inlined;	       /* into the next one */
};
#define DEBUGINFO_FRAMES 64 /* the deepest chain of inlined calls that is followed */

struct debuginfo;
/* NULL when out of memory. The dwarf handle must live as long. */
struct debuginfo *debuginfo_new(Dwarf *dwarf);
void debuginfo_free(struct debuginfo *info);
/*
 * The functions at this address (of the code itself, not a return address), innermost first. Returns how many: 0 when
 * no unit covers the address; one without a name when only the line is known. Strings belong to the dwarf handle.
 */
unsigned debuginfo_find(struct debuginfo *info, uint64_t address, struct source_frame frames[DEBUGINFO_FRAMES]);
