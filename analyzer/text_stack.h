/*
 * Stacks as text -- one frame a line, the middle of long ones left out; what lies below main is not shown.
 */
#pragma once
#include "analyzer/listing.h"
#include "analyzer/symbolize.h"
#include <stdio.h>

#define STACK_LINES 12 /* the most that a stack takes */

/* Text that a terminal takes, cut to `limit` bytes. */
void put_text(FILE *out, const char *text, size_t limit);
/* 0 or -ENOMEM. */
int text_stack(FILE *out, const struct process *process, const struct listed_callsite *callsite,
	       struct symbolizer *symbolizer);
