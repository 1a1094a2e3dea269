/*
 * Estimates -- what the counts of sampled blocks stand for, and how sure that is.
 *
 * Where a callsite's counts are of every block they are as they came, and their variance is 0. Variances add up
 * over callsites; a standard error is the root of one.
 */
#pragma once
#include "analyzer/model.h"

struct variances {
	double live_bytes, live_blocks, allocated_bytes, allocated_blocks, freed_bytes, freed_blocks;
};

/* The callsite's counts, weighted, rounded to whole numbers. */
struct wire_counts callsite_counts(const struct callsite *callsite);
/* Adds what the callsite's sample leaves unsure. */
void callsite_add_variances(const struct callsite *callsite, struct variances *variances);
void variances_add(struct variances *to, const struct variances *from);
