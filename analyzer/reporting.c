/*
 * Reporting -- the --report options of a command.
 */
#include "analyzer/reporting.h"
#include "analyzer/cleanup.h"
#include "analyzer/message.h"
#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NUMBER_MOST 1000000u

/* Will a report be able to appear there? Better said before the command has run for a day. */
static int check_place(const char *file)
{
	cleanup_free char *copy = NULL;
	struct stat status;

	if (!file || strcmp(file, "-") == 0 || (stat(file, &status) == 0 && !S_ISREG(status.st_mode)))
		return 0;
	copy = strdup(file);
	if (copy && access(dirname(copy), W_OK | X_OK) < 0) {
		message("--report: %s: %s", file, strerror(errno));
		return -EACCES;
	}
	return 0;
}

int reporting_add(struct reporting *reporting, const char *text)
{
	int r;

	if (reporting->n == REPORTS_MAX) {
		message("--report: %d are the most there can be", REPORTS_MAX);
		return -E2BIG;
	}
	r = report_parse(&reporting->requests[reporting->n], text);
	if (r == 0)
		r = check_place(reporting->requests[reporting->n].file);
	if (r == 0)
		reporting->n++;
	return r;
}

static int parse_number(const char *name, const char *text, unsigned *number)
{
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(text, &end, 10);
	if (errno || *end || end == text || *text == '-' || n < 1 || n > NUMBER_MOST) {
		message("%s: \"%s\" is no number from 1 to %u", name, text, NUMBER_MOST);
		return -EINVAL;
	}
	*number = (unsigned)n;
	return 0;
}

int reporting_option(struct reporting *reporting, int option, const char *argument)
{
	switch (option) {
	case REPORTING_REPORT:
		return reporting_add(reporting, argument);
	case REPORTING_TOP:
		return parse_number("--top", argument, &reporting->options.top);
	case REPORTING_CALLSITES:
		return parse_number("--callsites", argument, &reporting->options.callsites);
	default:
		return 1;
	}
}

int reporting_write(struct reporting *reporting, const struct model *model, FILE *fallback)
{
	int result = 0;

	for (unsigned i = 0; i < reporting->n; i++) {
		struct report_options options = reporting->options;
		int r;

		options.color = !reporting->requests[i].file && isatty(fileno(fallback));
		r = report_write(&reporting->requests[i], model, &options, fallback);
		if (result == 0)
			result = r;
	}
	return result;
}
