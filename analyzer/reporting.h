/*
 * Reporting -- the --report options of a command, and the writing of what they ask for.
 */
#pragma once
#include "analyzer/report.h"

#define REPORTS_MAX 16

struct reporting {
	struct report_request requests[REPORTS_MAX];
	unsigned n;
	struct report_options options;
};

/* --report, --top: 0, or a negative errno after a message. */
int reporting_add(struct reporting *reporting, const char *text);
int reporting_top(struct reporting *reporting, const char *text);
/* Writes all that was asked for; without a file to `fallback`. 0, or the first error after messages. */
int reporting_write(struct reporting *reporting, const struct model *model, FILE *fallback);
