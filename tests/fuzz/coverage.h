/*
 * Coverage -- which branches of the target an input took, and what values the target compared.
 *
 * Targets are compiled with -fsanitize-coverage=trace-pc,trace-cmp; the compiler then calls the functions
 * here at every edge and every comparison. Without that all inputs look the same and nothing is kept.
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
/* The n-th of the values that were compared lately; 0: none. */
uint64_t coverage_compared(uint64_t n);
