/*
 * Callsites as text -- the worst first, with why and how old their blocks are; innocent ones summed up.
 */
#pragma once
#include "analyzer/listing.h"
#include "analyzer/text_process.h"

/* Those that leak or grow, up to t->top; of the others a few that hold most, the rest in a line. 0 or -ENOMEM. */
int text_callsites(const struct text *t, const struct process *process, const struct listing *listing);
