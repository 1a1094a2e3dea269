/*
 * Stacks as JSON -- a stack's name and the text of its frames, made once for all processes of a report.
 *
 * The children of a fork have their parent's stacks. Theirs are the same text where the frames lie at the same
 * offsets of the same modules. What is kept is bounded (64 MB); beyond that it is made anew.
 */
#pragma once
#include "analyzer/stackname.h"

struct json_stack {
	UT_hash_handle hh;
	char name[STACKNAME_SIZE];
	size_t length;
	char *text; /* the objects of the frames, separated by commas */
	uint64_t key[];
};

struct json_stacks;
/* NULL when out of memory. The symbolizer must live as long. */
struct json_stacks *json_stacks_new(struct symbolizer *symbolizer);
void json_stacks_free(struct json_stacks *stacks);
/* From now on stacks are this process's; it must not change meanwhile. 0 or -ENOMEM. */
int json_stacks_begin(struct json_stacks *stacks, const struct process *process);
/* Valid until the next call. NULL when out of memory. Cost of one made before: a hash over its frames. */
const struct json_stack *json_stacks_find(struct json_stacks *stacks, const uint64_t *frames, uint32_t n_frames);
