/*
 * Tests of analyzer/retell: what a process tells is the same process, in each field of its JSON report.
 *
 * Argument: fixtures/stacks.c built with debug information.
 */
#include "analyzer/retell.h"
#include "analyzer/decode.h"
#include "analyzer/report.h"
#include "tests/unit/analyzer/sample_service.h"
#include "tests/unit/check.h"
#include <errno.h>

static char *report(const struct model *model)
{
	return sample_report(report_json, model, &(struct report_options){0});
}

static bool decode(void *context, const struct wire_header *frame)
{
	struct process *process;

	CHECK_EQ(frame_check(frame, frame->length), frame->length);
	CHECK_EQ(decode_frame(context, frame, &process), 0);
	return true;
}

static bool refuse(void *context, const struct wire_header *frame)
{
	(void)context;
	return frame->type != FRAME_SNAPSHOT;
}

static void check_same(const struct model *model, const struct process *process)
{
	struct model again;
	struct process *copy;
	char *is, *should_be = report(model);

	model_init(&again);
	CHECK_EQ(retell_process(process, decode, &again), 0);
	copy = model_find(&again, process->stream);
	CHECK(copy != NULL);
	if (copy) {
		copy->final_state = process->final_state; /* which FINAL tells */
		is = report(&again);
		CHECK_TEXT(is, should_be);
		CHECK_TEXT(copy->options, process->options);
		CHECK_EQ(copy->malformed, 0);
		free(is);
	}
	free(should_be);
	model_fini(&again);
}

int main(int argc, char **argv)
{
	struct model model;
	struct process *process;

	if (argc < 2)
		return 1;
	sample_absolute(argc, argv);
	model_init(&model);
	process = sample_service(&model, argv[1]);
	sample_text(&process->options, "interval=5s\nhold=0s\n");
	check_same(&model, process);
	process->missing_frames = 7;
	process->end = (struct wire_end){.how = END_RUNNING};
	process->callsites[1].flags |= STACK_SAMPLED;
	process->callsites[1].sampling = (struct wire_sampling){.sample_bytes = 4096, .class = 9};
	check_same(&model, process);
	CHECK_EQ(retell_process(process, refuse, NULL), -EIO);
	model_fini(&model);
	return check_result();
}
