/*
 * Processes as text -- the paragraphs of the text report.
 */
#pragma once
#include "analyzer/model.h"
#include "analyzer/symbolize.h"
#include <stdio.h>

struct text {
	FILE *out;
	struct symbolizer *symbolizer;
	unsigned top; /* callsites shown */
	bool color;
};

/* "command (pid, how long, how it ended)", without a newline. */
void text_title(const struct text *t, const struct process *process);
/* `what`, then "1.5 KB in 12 blocks". */
void text_blocks(const struct text *t, const char *what, uint64_t bytes, uint64_t blocks);
/* All about one process. 0 or -ENOMEM. */
int text_process(const struct text *t, const struct process *process);
