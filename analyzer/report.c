/*
 * Reports -- see report.h. The table of formats, and where reports go.
 */
#include "analyzer/report.h"
#include "analyzer/message.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef int (*report_writer)(FILE *out, const struct model *model, const struct report_options *options,
			     struct symbolizer *symbolizer);

#define FORMATS(X)                                                                                                     \
	X("text", report_text)                                                                                         \
	X("json", report_json)
#define FORMAT_NAME(name, writer) name,
#define FORMAT_WRITER(name, writer) writer,

const char *const report_formats[] = {FORMATS(FORMAT_NAME) NULL};
static const report_writer report_writers[] = {FORMATS(FORMAT_WRITER)};

static int find_format(const char *name, size_t length)
{
	for (int i = 0; report_formats[i]; i++)
		if (strlen(report_formats[i]) == length && memcmp(report_formats[i], name, length) == 0)
			return i;
	return -1;
}

int report_parse(struct report_request *request, const char *text)
{
	size_t length = strcspn(text, ":");
	int format = find_format(text, length);
	char names[128] = "";

	if (format >= 0) {
		request->format = report_formats[format];
		request->file = text[length] && text[length + 1] ? text + length + 1 : NULL;
		return 0;
	}
	for (size_t i = 0, used = 0; report_formats[i] && used < sizeof(names); i++)
		used += snprintf(names + used, sizeof(names) - used, "%s%s", i ? ", " : "", report_formats[i]);
	message("--report %s: there is no format '%.*s'; the formats are: %s", text, (int)length, text, names);
	return -EINVAL;
}

static int write_format(const char *format, FILE *out, const struct model *model, const struct report_options *options)
{
	struct symbolizer *symbolizer = symbolizer_new(options->debuginfod, options->sysroot);
	int r;

	if (!symbolizer)
		return -ENOMEM;
	errno = 0;
	r = report_writers[find_format(format, strlen(format))](out, model, options, symbolizer);
	symbolizer_free(symbolizer);
	if (r == 0 && (fflush(out) != 0 || ferror(out)))
		r = errno ? -errno : -EIO;
	return r;
}

/* Closes the stream; its own error counts when there was none before. */
static int close_stream(FILE *out, int r)
{
	errno = 0;
	if (fclose(out) != 0 && r == 0)
		r = errno ? -errno : -EIO;
	return r;
}

static int write_in_place(const char *path, const char *format, const struct model *model,
			  const struct report_options *options)
{
	FILE *out = fopen(path, "we");

	if (!out)
		return -errno;
	return close_stream(out, write_format(format, out, model, options));
}

/* Writes beside the path, then renames; `old` is the file that is replaced, or NULL. */
static int write_and_rename(const char *path, const struct stat *old, const char *format, const struct model *model,
			    const struct report_options *options)
{
	char *temporary;
	FILE *out;
	int r;

	if (asprintf(&temporary, "%s.tmp", path) < 0)
		return -ENOMEM;
	unlink(temporary); /* left over; or a link that somebody has laid there */
	out = fopen(temporary, "wxe");
	if (!out) {
		r = -errno;
		free(temporary);
		/* A file that may be written in a directory that may not. */
		return old && (r == -EACCES || r == -EROFS) ? write_in_place(path, format, model, options) : r;
	}
	if (old)
		(void)fchmod(fileno(out), old->st_mode & 0777);
	r = close_stream(out, write_format(format, out, model, options));
	if (r == 0 && rename(temporary, path) != 0)
		r = -errno;
	if (r < 0)
		unlink(temporary);
	free(temporary);
	return r;
}

static int write_file(const char *path, const char *format, const struct model *model,
		      const struct report_options *options)
{
	char *target;
	struct stat st;
	int r;

	if (stat(path, &st) < 0)
		return write_and_rename(path, NULL, format, model, options);
	if (!S_ISREG(st.st_mode))
		return write_in_place(path, format, model, options);
	target = realpath(path, NULL); /* a link keeps pointing to the report */
	if (!target)
		return -errno;
	r = write_and_rename(target, &st, format, model, options);
	free(target);
	return r;
}

int report_write(const struct report_request *request, const struct model *model, const struct report_options *options,
		 FILE *fallback)
{
	int r;

	if (find_format(request->format, strlen(request->format)) < 0)
		return -EINVAL;
	if (!request->file)
		r = write_format(request->format, fallback, model, options);
	else if (strcmp(request->file, "-") == 0)
		r = write_format(request->format, stdout, model, options);
	else
		r = write_file(request->file, request->format, model, options);
	if (r < 0)
		message("the %s report could not be written%s%s: %s", request->format, request->file ? " to " : "",
			request->file ? request->file : "", strerror(-r));
	return r;
}
