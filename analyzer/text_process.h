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
	unsigned top;	   /* callsites shown that leak or grow */
	unsigned innocent; /* others are shown until there are so many */
	bool brief;	   /* the first is told in full, the next ones more shortly */
	bool color;
};

/* COLOR_NONE ends what another began; "" where there are no colors. */
enum color { COLOR_NONE, COLOR_BAD, COLOR_WARNING, COLOR_GOOD, COLOR_STRONG };
const char *text_color(const struct text *t, enum color color);
/* Reasons, a line each. */
void text_reasons(const struct text *t, const struct wire_reason *reasons, unsigned n);
/* ", whatever +1.5 MB/h", or nothing. */
void text_growth(const struct text *t, const char *what, double growth);

/* "command (pid, how long, how it ended)", without a newline. */
void text_title(const struct text *t, const struct process *process);
/* `what`, then "1.5 KB in 12 blocks". */
void text_blocks(const struct text *t, const char *what, uint64_t bytes, uint64_t blocks);
/* The same with the standard errors, where the variances are not 0. */
void text_estimate(const struct text *t, const char *what, uint64_t bytes, double bytes_variance, uint64_t blocks,
		   double blocks_variance);
/* All about one process. 0 or -ENOMEM. */
int text_process(const struct text *t, const struct process *process);
