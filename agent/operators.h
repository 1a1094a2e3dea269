/*
 * Operators -- does C++ reach the allocator without passing through malloc?
 *
 * jemalloc, tcmalloc and mimalloc bring operators new and delete of their own. What a program takes by them is
 * not seen here; where that can happen the figures are not exact, and the region says so (LOST_OPERATORS).
 */
#pragma once
#include <stdbool.h>

struct link_map;

/* Finds whose the operators are, and looks at what is loaded. Context: init; no lock of the loader is held. */
void operators_init(void);
/* An object has been met: does it use them? Context: any; async-signal-safe. */
void operators_look(const struct link_map *object);
