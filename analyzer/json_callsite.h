/*
 * Callsites as JSON -- written one at a time, so that memory does not grow with their number.
 */
#pragma once
#include "analyzer/json_stack.h"
#include "analyzer/listing.h"
#include <stdio.h>

/*
 * The members "callsites" and "other_callsites": the first `most`, more only where more leak or grow, and the sums of
 * those that are not listed. 0 or -ENOMEM.
 */
int json_put_callsites(FILE *out, const struct process *process, const struct listing *listing, size_t most,
		       struct json_stacks *stacks);
