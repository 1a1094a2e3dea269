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

/* The options that all commands with reports have: rows for getopt_long, and what help says of them. */
enum { REPORTING_REPORT = 1000, REPORTING_TOP, REPORTING_CALLSITES };
#define REPORTING_OPTIONS                                                                                              \
	{"callsites", required_argument, NULL, REPORTING_CALLSITES},                                                   \
		{"report", required_argument, NULL, REPORTING_REPORT},                                                 \
	{                                                                                                              \
		"top", required_argument, NULL, REPORTING_TOP                                                          \
	}
#define REPORTING_DETAILS                                                                                              \
	"  --top=N                  callsites shown in text (10 that leak or grow)\n"                                  \
	"  --callsites=N            callsites listed in json of each process (all); the others are summed up\n"

/* One of them, by its number. 0, or a negative errno after a message; 1: it is none of them. */
int reporting_option(struct reporting *reporting, int option, const char *argument);
/* --report */
int reporting_add(struct reporting *reporting, const char *text);
/* Writes all that was asked for; without a file to `fallback`. 0, or the first error after messages. */
int reporting_write(struct reporting *reporting, const struct model *model, FILE *fallback);
