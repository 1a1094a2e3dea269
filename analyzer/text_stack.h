/*
 * Stacks as text -- one frame a line. Of long ones the ends and the program's own code are shown; what called main is
 * not.
 */
#pragma once
#include "analyzer/listing.h"
#include "analyzer/symbolize.h"
#include <stdio.h>

#define STACK_LINES 12	    /* the most frames that are shown of a stack */
#define STACK_LINES_BRIEF 6 /* and where several others are shown */

/* Text that a terminal takes, cut to `limit` bytes. */
void put_text(FILE *out, const char *text, size_t limit);
/* `most` frames at the most. 0 or -ENOMEM. */
int text_stack(FILE *out, const struct process *process, const struct listed_callsite *callsite, size_t most,
	       struct symbolizer *symbolizer);
/* The rest of a line: ": leaf < caller < caller". 0 or -ENOMEM. */
int text_stack_line(FILE *out, const struct process *process, const struct listed_callsite *callsite,
		    struct symbolizer *symbolizer);
