/*
 * Programs -- behaviours that only a real process has, each a function with a truth of its own.
 *
 * A behaviour works in steps, `rate` a second, for `duration` seconds. It says what it loses as it loses it; at the end
 * the truth is printed as JSON. The function that a callsite must show is the one of the loss.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct program_run {
	double duration, rate, scale;
	uint64_t seed, steps;
	double begun, first_lost; /* s; s since the beginning */
	/* The truth. */
	const char *function; /* where blocks are lost; NULL: none are */
	uint64_t lost_blocks, lost_bytes;
	const char *folder; /* of the executable */
};

struct program {
	const char *name, *truth, *also, *text;
	void (*run)(struct program_run *run);
};

/* Waits for the next step; false when the time is over. */
bool program_step(struct program_run *run);
/* Shares of the run that are over, 0..1. */
double program_progress(const struct program_run *run);
uint32_t program_random(struct program_run *run, uint32_t below);
void program_lost(struct program_run *run, const char *function, size_t bytes);
/* The same for all the losses of a run, told at its end. */
void program_lost_in_all(struct program_run *run, const char *function, uint64_t blocks, uint64_t bytes);
/* Writes to the memory, so that it is resident and not optimised away; returns it. */
void *program_use(void *memory, size_t bytes);

extern const struct program programs_leaky[], programs_innocent[], programs_threads[], programs_process[],
	programs_objects[]; /* end with name NULL */

#ifdef __cplusplus
}
#endif
