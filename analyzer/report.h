/*
 * Reports -- one entry point, one file a format (report_text.c, report_json.c).
 *
 * A regular file appears whole or not at all: it is written beside its place and renamed. What
 * fails on the way (a full disk) is a message on stderr and a negative errno.
 */
#pragma once
#include "analyzer/model.h"
#include "analyzer/symbolize.h"
#include <stdio.h>

struct report_options {
	bool debuginfod;     /* ask debuginfod servers for missing debug files */
	const char *sysroot; /* prefix of module paths, or NULL */
	unsigned top;	     /* callsites shown in text; 0: the default of 10 */
	unsigned callsites;  /* listed in json of each process; 0: all */
	bool color;
};

/* "FORMAT[:FILE]" as in --report; FILE `-`: standard output. 0, or a negative errno after a message on stderr. */
struct report_request {
	const char *format; /* a name of report_formats */
	const char *file;   /* NULL: the fallback stream */
};
int report_parse(struct report_request *request, const char *text);
int report_write(const struct report_request *request, const struct model *model, const struct report_options *options,
		 FILE *fallback);
/* The formats, for help and completion: NULL-terminated. */
extern const char *const report_formats[];

/*
 * The formats. 0 or -ENOMEM; whether the stream took it all is the caller's to ask. The processes
 * are those of the model; symbols come from the symbolizer.
 */
int report_text(FILE *out, const struct model *model, const struct report_options *options,
		struct symbolizer *symbolizer);
int report_json(FILE *out, const struct model *model, const struct report_options *options,
		struct symbolizer *symbolizer);
