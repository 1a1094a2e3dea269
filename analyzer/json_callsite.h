/*
 * Callsites as JSON -- written one at a time, so that memory does not grow with their number.
 */
#pragma once
#include "analyzer/json_stack.h"
#include "analyzer/listing.h"
#include <stdio.h>

/* The elements of the array "callsites", without its brackets. 0 or -ENOMEM. */
int json_put_callsites(FILE *out, const struct process *process, const struct listing *listing,
		       struct json_stacks *stacks);
