/*
 * Tests of analyzer/report: what --report takes, and that a report file is whole or not there.
 */
#include "analyzer/report.h"
#include "tests/unit/check.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[] = "/tmp/unit-report-XXXXXX";
static struct model model;
static const struct report_options options;

static const char *in_directory(const char *name)
{
	static char path[4][128];
	static unsigned next;

	next = (next + 1) % 4;
	snprintf(path[next], sizeof(path[next]), "%s/%s", directory, name);
	return path[next];
}

static const char *content(const char *path)
{
	static char text[4096];
	FILE *file = fopen(path, "r");
	size_t n = file ? fread(text, 1, sizeof(text) - 1, file) : 0;

	text[n] = '\0';
	if (file)
		fclose(file);
	return file ? text : "(no file)";
}

/* Runs with stderr going to a file, and returns what was said there. */
static const char *said(int (*function)(const char *), const char *argument, int should_return)
{
	const char *path = in_directory("stderr");
	int saved = dup(STDERR_FILENO), fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

	dup2(fd, STDERR_FILENO);
	CHECK_EQ(function(argument), should_return);
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(fd);
	return content(path);
}

static int parse_only(const char *text)
{
	struct report_request request;

	return report_parse(&request, text);
}

static void test_parse(void)
{
	struct report_request request;

	CHECK_EQ(report_parse(&request, "text"), 0);
	CHECK_TEXT(request.format, "text");
	CHECK(request.file == NULL);
	CHECK_EQ(report_parse(&request, "json:/tmp/a:b.json"), 0);
	CHECK_TEXT(request.format, "json");
	CHECK_TEXT(request.file, "/tmp/a:b.json");
	CHECK_EQ(report_parse(&request, "json:-"), 0);
	CHECK_TEXT(request.file, "-");
	CHECK_EQ(report_parse(&request, "json:"), 0);
	CHECK(request.file == NULL);
	CHECK_TEXT(said(parse_only, "yaml:x", -EINVAL),
		   "guardctl: --report yaml:x: there is no format 'yaml'; the formats are: text, json\n");
	CHECK(strstr(said(parse_only, "", -EINVAL), "text, json") != NULL);
	CHECK(strstr(said(parse_only, "jso", -EINVAL), "text, json") != NULL);
	CHECK(strstr(said(parse_only, "jsonx", -EINVAL), "text, json") != NULL);
}

static int write_json(const char *path)
{
	struct report_request request = {.format = "json", .file = path};

	return report_write(&request, &model, &options, stderr);
}

static void put(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	fputs(text, file);
	fclose(file);
}

static void test_files(void)
{
	static const char report[] = "{\"schema\":\"guard-report/1\",\n \"processes\":[]}\n";
	struct report_request nowhere = {.format = "json"};
	struct stat st;

	CHECK_TEXT(said(write_json, in_directory("new"), 0), "");
	CHECK_TEXT(content(in_directory("new")), report);
	CHECK(access(in_directory("new.tmp"), F_OK) != 0);
	/* A link and the mode of the file it points to stay. */
	put(in_directory("old"),
	    "a longer text than the report, so that a rest of it would show at the end of the file");
	CHECK_EQ(chmod(in_directory("old"), 0640), 0);
	CHECK_EQ(symlink("old", in_directory("link")), 0);
	CHECK_EQ(write_json(in_directory("link")), 0);
	CHECK_TEXT(content(in_directory("old")), report);
	CHECK_EQ(lstat(in_directory("link"), &st), 0);
	CHECK(S_ISLNK(st.st_mode));
	CHECK_EQ(stat(in_directory("old"), &st), 0);
	CHECK_EQ(st.st_mode & 0777, 0640);
	CHECK(strstr(said(write_json, "/nowhere/x", -ENOENT), "/nowhere/x: No such file or directory") != NULL);
	CHECK(strstr(said(write_json, directory, -EISDIR), "Is a directory") != NULL);
	/* The fallback stream. */
	nowhere.file = NULL;
	{
		FILE *out = fopen(in_directory("stream"), "w");

		CHECK_EQ(report_write(&nowhere, &model, &options, out), 0);
		CHECK_TEXT(content(in_directory("stream")), report);
		fclose(out);
	}
	nowhere.format = "yaml";
	CHECK_EQ(report_write(&nowhere, &model, &options, stderr), -EINVAL);
}

/* What is not a regular file is written where it is. (A pipe of our own: a mistake must not replace a device.) */
static void test_pipe(void)
{
	const char *path = in_directory("pipe");
	char text[64] = "";
	struct stat st;
	int fd;

	CHECK_EQ(mkfifo(path, 0600), 0);
	fd = open(path, O_RDWR | O_NONBLOCK);
	CHECK_EQ(write_json(path), 0);
	CHECK(read(fd, text, sizeof(text) - 1) > 0);
	CHECK(strstr(text, "guard-report/1") != NULL);
	CHECK_EQ(lstat(path, &st), 0);
	CHECK(S_ISFIFO(st.st_mode));
	close(fd);
}

/* No room: said, the old file kept, nothing left beside it. */
static void test_no_room(void)
{
	struct rlimit limit, small;
	const char *path = in_directory("kept");
	const char *message;

	put(path, "old");
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &limit);
	small = (struct rlimit){.rlim_cur = 10, .rlim_max = limit.rlim_max};
	setrlimit(RLIMIT_FSIZE, &small);
	(void)said(write_json, path, -EFBIG);
	setrlimit(RLIMIT_FSIZE, &limit);
	CHECK_TEXT(content(path), "old");
	CHECK(access(in_directory("kept.tmp"), F_OK) != 0);
	message = said(write_json, in_directory("no/x"), -ENOENT);
	CHECK(strstr(message, "guardctl: the json report could not be written to ") == message);
}

int main(void)
{
	char command[128];

	model_init(&model);
	if (!mkdtemp(directory))
		return 1;
	test_parse();
	test_files();
	test_pipe();
	test_no_room();
	snprintf(command, sizeof(command), "rm -r '%s'", directory);
	CHECK_EQ(system(command), 0);
	return check_result();
}
