/*
 * The model -- every process as known so far, built from frames alone.
 *
 * Live streams, recordings and post-mortem reads of a region all arrive here as frames
 * (analyzer/decode.h), so there is one way in and reports need not know where data came from.
 * All strings and arrays belong to the process they are in. Frames are hostile: ids and lengths
 * are bounded before memory is taken for them.
 */
#pragma once
#include "analyzer/hash.h"
#include "protocol/options.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct module {
	struct wire_module wire; /* wire.id == 0: not known */
	char *path;
};

struct callsite {
	uint32_t n_frames;
	uint32_t flags;	  /* enum stack_flags */
	uint64_t *frames; /* leaf first, (module << FRAME_MODULE_SHIFT) | address as linked; NULL: not known */
	struct wire_sampling sampling; /* with STACK_SAMPLED; estimates.h says what the counts then are */
	struct wire_counts counts;
	struct wire_callsite_verdict verdict;
	struct wire_evidence evidence; /* evidence.callsite 0: none */
};

/* A verdict that changed. */
struct transition {
	uint64_t time_ns;  /* since the agent started */
	uint32_t callsite; /* 0: the process */
	uint32_t state;	   /* enum verdict_state */
};

#define PROCESS_MAPPINGS 8u

enum final_state { FINAL_NONE = 0, FINAL_AGENT, FINAL_POST_MORTEM };

struct process {
	uint64_t stream;
	struct wire_process wire;
	char *exe, *cwd, *version, *options; /* options: "name=value\n" each */
	char **command;			     /* NULL-terminated */
	unsigned n_command;
	struct module *modules; /* by id */
	uint32_t n_modules;
	struct callsite *callsites; /* by id; 0 unused */
	uint32_t n_callsites;
	struct wire_sample *samples; /* oldest first, times strictly rising */
	size_t n_samples, n_samples_allocated;
	struct transition *transitions; /* in order of time */
	size_t n_transitions;
	char **functions; /* a replay's: the names of frames of no module, by address; NULL: none */
	uint32_t n_functions;
	struct wire_verdict verdict;
	struct wire_agent agent;
	struct wire_detector detector;
	struct wire_mapping mappings[PROCESS_MAPPINGS]; /* that have grown; an empty name ends them */
	struct wire_end end;
	enum final_state final_state;
	uint32_t next_sequence;
	bool sequenced;		 /* next_sequence is known */
	uint64_t missing_frames; /* gaps in the sequence that no full snapshot healed */
	uint64_t malformed;	 /* records that did not make sense */
	uint64_t bytes;		 /* received; ids are bounded by it */
	UT_hash_handle hh;	 /* in model.processes, by stream */
};

struct model {
	struct process *processes; /* in order of arrival */
};

void model_init(struct model *model);
void model_fini(struct model *model);
struct process *model_find(struct model *model, uint64_t stream);
/* The process of this stream, made if new; NULL when out of memory. */
struct process *model_process(struct model *model, uint64_t stream);
void model_remove(struct model *model, struct process *process);
/* The callsite or module of this id, made if new. -EBADMSG when the id is not to be believed: what came is too short
 * for so many. */
int process_callsite(struct process *process, uint32_t id, struct callsite **callsite);
int process_module(struct process *process, uint32_t id, struct module **module);
/* Adds a sample unless it is not later than the last one; very many are thinned out. 0 or -ENOMEM. */
int process_add_sample(struct process *process, const struct wire_sample *sample);
/* The options of its agent as they were set last. */
void process_options(const struct process *process, struct options *options);
/* Adds a change of verdict; the oldest ones are kept, up to a limit. 0 or -ENOMEM. */
int process_add_transition(struct process *process, const struct transition *transition);
/* Totals over the callsites, those of samples as estimates. */
struct wire_counts process_totals(const struct process *process);
