/*
 * The byte channel -- growth where blocks are few and grow: a buffer that is reallocated, a vector that doubles.
 *
 * Finds the exponent of growth from the trough of live bytes over the last eighth, quarter and half of the time judged:
 * a line has 1, a root 0.5, a logarithm 0.
 *
 * Context: any; pure. Cost: a microsecond, 20 where it finds something.
 */
#pragma once
#include "detector/view.h"

/* Do they grow? Then `f` gets rise, z, p_value, survivor_bytes and the rate. f->survivors and births are there already.
 */
bool bytes_grow(const struct view *view, struct wire_evidence *f);
