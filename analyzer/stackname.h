/*
 * Stack names -- what a stack is called across runs, rebuilds and machines.
 */
#pragma once
#include "analyzer/symbolize.h"

#define STACKNAME_SIZE 17 /* 16 hexadecimal digits and NUL */
/*
 * A hash of the functions of a stack by module base name and linkage name, inlined ones included; of
 * the offset where a frame has no name. Offsets of named frames and line numbers do not count, so two callsites
 * in one function have one name.
 */
void stackname(struct symbolizer *symbolizer, const struct process *process, const uint64_t *frames, uint32_t n_frames,
	       char name[STACKNAME_SIZE]);
