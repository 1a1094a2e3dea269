/*
 * Symbols -- (module, address as linked) into functions, files and lines, inlined frames included.
 *
 * elfutils opens each module's file once; its build-id must equal the one the agent saw, else the module is
 * named but not read. Names are demangled (C++, Rust). Results are cached per file and address.
 */
#pragma once
#include "analyzer/model.h"

enum symbol_quality {
	SYMBOL_NONE = 0, /* module and offset only */
	SYMBOL_NEAREST,	 /* the last symbol before the address, which does not reach it: may be another function */
	SYMBOL_EXACT,	 /* from debug information, or a symbol that covers the address */
};

struct symbol {
	const char *function;	  /* demangled; NULL: unknown */
	const char *linkage;	  /* as in the symbol table; NULL: unknown */
	const char *file;	  /* NULL: unknown */
	uint32_t line;		  /* 0: unknown */
	uint64_t function_offset; /* address minus start of the function; 0 for inlined ones and where it is unknown */
	uint64_t name_hash;	  /* of linkage; 0: no name */
	enum symbol_quality quality;
	bool inlined; /* this function was inlined into the next one */
};

struct symbolizer;
/* NULL when out of memory. sysroot is put before module paths; NULL: none. */
struct symbolizer *symbolizer_new(bool debuginfod, const char *sysroot);
void symbolizer_free(struct symbolizer *symbolizer);
/*
 * The functions of one frame of a stack, innermost inlined first, in *symbols (owned by the symbolizer,
 * valid until it is freed). Returns how many, at least 1. `frame` as in struct callsite; return
 * addresses are looked up at address - 1. Cost: two hash look-ups for an address seen before, some 10 us
 * for a new one, the indexing of a file for its first.
 */
unsigned symbolize(struct symbolizer *symbolizer, const struct process *process, uint64_t frame,
		   const struct symbol **symbols);
/* Why a module's symbols are missing ("changed since the recording", "no such file"), or NULL when they are not. */
const char *symbolizer_complaint(struct symbolizer *symbolizer, const struct process *process, uint32_t module);
