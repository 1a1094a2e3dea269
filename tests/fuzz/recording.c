/*
 * Fuzzes what `guardctl report FILE` does: whatever a recording holds, every report of it can be written.
 *
 * Module paths of an input are looked for under a folder that is not there: what an ELF file holds is libelf's to
 * check.
 */
#include "analyzer/overview.h"
#include "analyzer/recorder.h"
#include "analyzer/rejudge.h"
#include "analyzer/report.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/stream.h"
#include <jansson.h>
#include <sys/mman.h>
#include <unistd.h>

size_t fuzz_seed(unsigned n, uint8_t *data, size_t size)
{
	return n < 4 ? stream_seed(n, data, size) : 0;
}

typedef int (*writer)(FILE *out, const struct model *model, const struct report_options *options,
		      struct symbolizer *symbolizer);

static char *write_report(writer write, const struct model *model, size_t *size)
{
	const struct report_options options = {.sysroot = "/nonexistent", .top = 5};
	struct symbolizer *symbolizer = symbolizer_new(false, options.sysroot);
	char *text = NULL;
	FILE *out = open_memstream(&text, size);

	FUZZ_CHECK(write(out, model, &options, symbolizer) == 0);
	fclose(out);
	symbolizer_free(symbolizer);
	return text;
}

static void check_text(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		FUZZ_CHECK((text[i] & 0xe0) || text[i] == '\n'); /* nothing that steers a terminal */
}

static void report_all(struct model *model)
{
	char line[OVERVIEW_SIZE], *text;
	struct process *process;
	json_t *json;
	size_t size;

	rejudge_all(model);
	for (process = model->processes; process; process = process->hh.next) {
		overview_line(process, line);
		check_text(line, strlen(line));
	}
	text = write_report(report_text, model, &size);
	check_text(text, size);
	free(text);
	text = write_report(report_json, model, &size);
	json = json_loadb(text, size, 0, NULL);
	FUZZ_CHECK(json);
	json_decref(json);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("recording", MFD_CLOEXEC);
	uint64_t frames, rest;
	struct model model;

	model_init(&model);
	FUZZ_CHECK(fd >= 0 && pwrite(fd, data, size, 0) == (ssize_t)size);
	FUZZ_CHECK(recording_read(&model, fd, &frames, &rest) == 0 && frames + rest == size);
	report_all(&model);
	model_fini(&model);
	close(fd);
	return 0;
}
