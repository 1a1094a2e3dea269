/*
 * Decoding -- frames into the model.
 *
 * Memory stays proportional to the bytes received: a callsite or module id is accepted only when
 * it is at most a fraction of them, since an agent numbers both from 1 on and tells each in a record.
 */
#include "analyzer/decode.h"
#include "analyzer/decode_judgement.h"
#include "protocol/sampling.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SIZE_PLAUSIBLE (UINT64_C(1) << 57) /* bytes: no address space has more */
#define TIME_PLAUSIBLE (UINT64_C(1) << 62) /* ns: a century */

typedef int (*record_decoder)(struct process *process, const struct wire_record *record);

/* Replaces *text; embedded NULs end it early. */
static int set_text(char **text, const char *from, size_t length)
{
	char *copy = strndup(from, length);

	if (!copy)
		return -ENOMEM;
	free(*text);
	*text = copy;
	return 0;
}

static int set_command(struct process *process, const char *text, size_t length)
{
	unsigned n = 0, i = 0;
	char **command;

	for (size_t at = 0; at < length; at += strnlen(text + at, length - at) + 1)
		n++;
	command = calloc(n + 1, sizeof(*command));
	if (!command)
		return -ENOMEM;
	for (size_t at = 0; at < length; at += strnlen(text + at, length - at) + 1) {
		command[i] = strndup(text + at, length - at);
		if (command[i])
			i++;
	}
	for (unsigned k = 0; k < process->n_command; k++)
		free(process->command[k]);
	free(process->command);
	process->command = command;
	process->n_command = i;
	return i == n ? 0 : -ENOMEM;
}

static int decode_process(struct process *process, const struct wire_record *record)
{
	const struct wire_process *wire = record_body(record, sizeof(*wire));
	const char *text;
	uint64_t length;
	int r;

	if (!wire)
		return -EBADMSG;
	length = (uint64_t)wire->exe_length + wire->cwd_length + wire->command_length + wire->version_length;
	if (length > record_size(record) - sizeof(*wire))
		return -EBADMSG;
	process->wire = *wire;
	text = (const char *)(wire + 1);
	r = set_text(&process->exe, text, wire->exe_length);
	text += wire->exe_length;
	if (r == 0)
		r = set_text(&process->cwd, text, wire->cwd_length);
	text += wire->cwd_length;
	if (r == 0)
		r = set_command(process, text, wire->command_length);
	text += wire->command_length;
	if (r == 0)
		r = set_text(&process->version, text, wire->version_length);
	return r;
}

static int decode_module(struct process *process, const struct wire_record *record)
{
	const struct wire_module *wire = record_body(record, sizeof(*wire));
	struct module *module = NULL;
	int r;

	if (!wire || wire->build_id_length > sizeof(wire->build_id) ||
	    wire->path_length > record_size(record) - sizeof(*wire))
		return -EBADMSG;
	r = process_module(process, wire->id, &module);
	if (r < 0)
		return r;
	r = set_text(&module->path, (const char *)(wire + 1), wire->path_length);
	if (r == 0)
		module->wire = *wire;
	return r;
}

static int decode_stack(struct process *process, const struct wire_record *record)
{
	const struct wire_stack *wire = record_body(record, sizeof(*wire));
	struct wire_sampling sampling = {0};
	struct callsite *callsite = NULL;
	size_t size;
	uint64_t *frames;
	int r;

	if (!wire || wire->n_frames * sizeof(uint64_t) > record_size(record) - sizeof(*wire))
		return -EBADMSG;
	size = wire->n_frames * sizeof(uint64_t);
	if (wire->flags & STACK_SAMPLED &&
	    !sampling_read(&sampling, (const char *)(wire + 1) + size, record_size(record) - sizeof(*wire) - size))
		return -EBADMSG;
	r = process_callsite(process, wire->callsite, &callsite);
	if (r < 0)
		return r;
	frames = malloc(size ? size : 1);
	if (!frames)
		return -ENOMEM;
	memcpy(frames, wire + 1, size);
	free(callsite->frames);
	callsite->frames = frames;
	callsite->n_frames = wire->n_frames;
	callsite->flags = wire->flags;
	callsite->sampling = sampling;
	return 0;
}

static int decode_counts(struct process *process, const struct wire_record *record)
{
	const struct wire_counts *counts = record_body(record, 0);
	size_t n = record_size(record) / sizeof(*counts);

	for (size_t i = 0; i < n; i++) {
		struct callsite *callsite = NULL;
		int r = process_callsite(process, counts[i].callsite, &callsite);

		if (r < 0)
			return r;
		callsite->counts = counts[i];
	}
	return 0;
}

/* Sums and differences of a few of these overflow nowhere. */
static void bound_sizes(struct wire_sample *sample)
{
	uint64_t *sizes[] = {&sample->rss,	   &sample->vms,       &sample->rss_anon,
			     &sample->rss_file,	   &sample->rss_shmem, &sample->peak_rss,
			     &sample->heap_mapped, &sample->heap_free, &sample->cgroup_current,
			     &sample->agent_bytes};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		if (*sizes[i] > SIZE_PLAUSIBLE)
			*sizes[i] = SIZE_PLAUSIBLE;
}

static int decode_samples(struct process *process, const struct wire_record *record)
{
	const struct wire_sample *samples = record_body(record, 0);
	size_t n = record_size(record) / sizeof(*samples);
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		struct wire_sample sample = samples[i];

		bound_sizes(&sample);
		r = sample.time_ns > TIME_PLAUSIBLE ? -EBADMSG : process_add_sample(process, &sample);
	}
	return r;
}

static int decode_agent(struct process *process, const struct wire_record *record)
{
	const struct wire_agent *wire = record_body(record, sizeof(*wire));

	if (!wire || wire->mode >= N_MODES || wire->unwinder >= N_UNWINDERS)
		return -EBADMSG;
	process->agent = *wire;
	return 0;
}

static int decode_end(struct process *process, const struct wire_record *record)
{
	const struct wire_end *wire = record_body(record, sizeof(*wire));

	if (!wire || wire->how >= N_ENDS || wire->time_ns > TIME_PLAUSIBLE)
		return -EBADMSG;
	process->end = *wire;
	return 0;
}

static int decode_record(struct process *process, uint16_t type, const struct wire_record *record)
{
	switch (record->kind) {
	case WIRE_PROCESS:
		return decode_process(process, record);
	case WIRE_MODULE:
		return decode_module(process, record);
	case WIRE_STACK:
		return decode_stack(process, record);
	case WIRE_COUNTS:
		return decode_counts(process, record);
	case WIRE_SAMPLE:
		return decode_samples(process, record);
	case WIRE_VERDICT:
		return decode_verdict(process, record);
	case WIRE_CALLSITE_VERDICT:
		return decode_callsite_verdicts(process, record);
	case WIRE_EVIDENCE:
		return decode_evidence(process, record);
	case WIRE_MAPPINGS:
		return decode_mappings(process, record);
	case WIRE_DETECTOR:
		return decode_detector(process, record);
	case WIRE_AGENT:
		return decode_agent(process, record);
	case WIRE_END:
		return decode_end(process, record);
	case WIRE_TEXT:
		return type != FRAME_EVENT ? set_text(&process->options, record_body(record, 0), record_size(record))
					   : 0;
	default:
		return 0;
	}
}

/* Counts frames that got lost; those made by the analyzer are outside the agent's numbering. */
static void check_sequence(struct process *process, const struct wire_header *frame)
{
	if (frame->flags & FRAME_POST_MORTEM)
		return;
	if (process->sequenced && frame->sequence > process->next_sequence)
		process->missing_frames += frame->sequence - process->next_sequence;
	process->next_sequence = frame->sequence + 1;
	process->sequenced = true;
}

/* A full snapshot begins: what it does not tell is zero, and it heals earlier losses. */
static void begin_full(struct process *process)
{
	for (uint32_t i = 0; i < process->n_callsites; i++) {
		memset(&process->callsites[i].counts, 0, sizeof(process->callsites[i].counts));
		memset(&process->callsites[i].verdict, 0, sizeof(process->callsites[i].verdict));
		memset(&process->callsites[i].evidence, 0, sizeof(process->callsites[i].evidence));
	}
	process->missing_frames = 0;
}

static void note_final(struct process *process, uint16_t flags)
{
	if (!(flags & FRAME_POST_MORTEM))
		process->final_state = FINAL_AGENT;
	else if (process->final_state == FINAL_NONE)
		process->final_state = FINAL_POST_MORTEM;
}

int decode_frame(struct model *model, const struct wire_header *frame, struct process **out)
{
	const struct wire_record *record = NULL;
	struct process *process;
	bool malformed = false;

	*out = NULL;
	if (frame->type < FRAME_HELLO || frame->type > FRAME_EVENT)
		return -EBADMSG;
	process = model_process(model, frame->stream);
	if (!process)
		return -ENOMEM;
	*out = process;
	process->bytes += frame->length;
	check_sequence(process, frame);
	if (frame->flags & FRAME_FULL)
		begin_full(process);
	while ((record = frame_next(frame, record, &malformed))) {
		int r = decode_record(process, frame->type, record);

		if (r == -ENOMEM)
			return r;
		if (r < 0)
			process->malformed++;
	}
	if (malformed)
		process->malformed++;
	if (frame->type == FRAME_FINAL)
		note_final(process, frame->flags);
	return malformed ? -EBADMSG : 0;
}

size_t decode_buffer(struct model *model, const void *data, size_t size)
{
	size_t at = 0;

	while (at < size) {
		const struct wire_header *frame = (const struct wire_header *)((const char *)data + at);
		int64_t length = frame_check(frame, size - at);
		struct process *process;

		if (length <= 0 || decode_frame(model, frame, &process) == -ENOMEM)
			break;
		at += (size_t)length;
	}
	return at;
}
