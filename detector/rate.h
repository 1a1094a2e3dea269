/*
 * The rate of a leak -- bytes an hour of what survives, by births: of the first quarter too unless it kept clearly more
 * than the rest did, and as far on as young blocks that will yet be freed do not show. Its error is that of counting.
 *
 * Context: any; pure. Cost: a microsecond.
 */
#pragma once
#include "detector/view.h"

/* Fills the rate and its interval. Births before `reach`, a share of t, are old enough to tell. */
void rate_measure(const struct view *view, double reach, struct wire_evidence *found);
