/*
 * Reports -- one entry point, one file a format (report_text.c, report_json.c).
 */
#pragma once
#include "analyzer/model.h"
#include <stdio.h>

struct report_options {
	bool debuginfod;     /* ask debuginfod servers for missing debug files */
	const char *sysroot; /* prefix of module paths, or NULL */
	unsigned top;	     /* callsites shown in text; 0: the default of 10 */
	bool color;
};

/* "FORMAT[:FILE]" as in --report; FILE empty: `fallback`. 0, or a negative errno after a message on stderr. */
struct report_request {
	const char *format; /* a name of report_formats */
	const char *file;   /* NULL: the fallback stream */
};
int report_parse(struct report_request *request, const char *text);
int report_write(const struct report_request *request, const struct model *model, const struct report_options *options,
		 FILE *fallback);
/* The formats, for help and completion: NULL-terminated. */
extern const char *const report_formats[];
