/*
 * History -- the samples of the last hour, in the region.
 *
 * The region's sequence is odd while samples or the verdict change, so that a reader, or the analyzer that reads
 * what a killed process left, knows a torn state from a whole one.
 *
 * Context: whoever has the sampler's turn (sampler.h).
 */
#pragma once
#include "protocol/region.h"

/* Adds a sample; where there is no room, those older than an hour go, or every second older one. */
void history_add(const struct wire_sample *sample);
void history_set_verdict(const struct wire_verdict *verdict);
/* REGION_MAPPINGS of them. */
void history_set_mappings(const struct wire_mapping *mappings);
/* In a forked child: nothing has been seen yet. */
void history_postfork_child(void);
