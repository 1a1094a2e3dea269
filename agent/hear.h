/*
 * Hearing -- what the analyzer asks of the agent, and finding an analyzer in the first place.
 */
#pragma once
#include <stdbool.h>

/* Connects to an analyzer if there is one, and tells it all. Context: sampler thread. */
void hear_find_analyzer(void);
/* Does what the analyzer asked since the last call. True: a snapshot is wanted now. Context: sampler thread. */
bool hear(void);
