/*
 * Mappings -- which mappings of the process hold its RSS, and which of them have grown since the first look.
 *
 * By name: a file's path, what the kernel calls it ([stack]), "thread stacks", "malloc" where blocks of the block map
 * lie, "anonymous" for the rest, less the agent's own. The kernel walks page tables to tell, so a look costs about 1 ms
 * for each 100 MB of RSS: it is not repeated before 100 times its cost have passed, nor before RSS has moved.
 *
 * Context: whoever has the sampler's turn (look.h).
 */
#pragma once
#include "protocol/region.h"

/* Looks if it is time to; what has grown most goes into the region. Not at the end: what was seen last stands. */
void mappings_look(const struct wire_sample *sample);
/* A forked child: nothing has been seen yet. */
void mappings_postfork_child(void);
