/*
 * Coverage -- which branches of the target an input took.
 *
 * Targets are compiled with -fsanitize-coverage=trace-pc: they call in at every edge. Without that all inputs look the
 * same and nothing is kept.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Forgets what the last input did. */
void coverage_begin(void);
/* Adds what this input did to all that is known. True: it did something that no input before it did. */
bool coverage_end(void);
/* How many edges this input reached that are not known yet. */
unsigned coverage_new_edges(void);
/* Edges known; with `forget` it counts from nothing again, as for a new selection of inputs. */
unsigned coverage_edges(void);
void coverage_forget(void);
