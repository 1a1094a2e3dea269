/*
 * Decoding -- frames into the model.
 *
 * Memory stays proportional to the bytes received: a callsite or module id is accepted only when
 * it is at most a fraction of them, since an agent numbers both from 1 on and tells each in a record.
 */
#include "analyzer/decode.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CALLSITES_MAX (1u << 24)
#define MODULES_MAX (1u << 16)
#define IDS_FREE 64u   /* ids that cost nothing */
#define BYTES_AN_ID 8u /* received for each id above those */

typedef int (*record_decoder)(struct process *process, const struct wire_record *record);

static double real_number(double value)
{
	return isfinite(value) ? value : 0;
}

static uint32_t round_up(uint32_t n)
{
	uint32_t capacity = 16;

	while (capacity < n)
		capacity *= 2;
	return capacity;
}

/* Makes array[id] exist, zeroed when new. -EBADMSG when the id is not to be believed. */
static int reserve_id(void *array_pointer, uint32_t *n, uint32_t id, size_t element, uint64_t bytes, uint32_t maximum)
{
	void **array = array_pointer;
	void *grown;

	if (id < *n)
		return 0;
	if (id >= maximum || id >= IDS_FREE + bytes / BYTES_AN_ID)
		return -EBADMSG;
	if (!*array || round_up(id + 1) > round_up(*n)) {
		grown = realloc(*array, round_up(id + 1) * element);
		if (!grown)
			return -ENOMEM;
		*array = grown;
	}
	memset((char *)*array + *n * element, 0, (id + 1 - *n) * element);
	*n = id + 1;
	return 0;
}

static int callsite_at(struct process *process, uint32_t id, struct callsite **callsite)
{
	int r = id ? reserve_id(&process->callsites, &process->n_callsites, id, sizeof(**callsite), process->bytes,
				CALLSITES_MAX)
		   : -EBADMSG;

	if (r == 0)
		*callsite = &process->callsites[id];
	return r;
}

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
	struct module *module;
	int r;

	if (!wire || wire->id == 0 || wire->build_id_length > sizeof(wire->build_id) ||
	    wire->path_length > record_size(record) - sizeof(*wire))
		return -EBADMSG;
	r = reserve_id(&process->modules, &process->n_modules, wire->id, sizeof(*module), process->bytes, MODULES_MAX);
	if (r < 0)
		return r;
	module = &process->modules[wire->id];
	r = set_text(&module->path, (const char *)(wire + 1), wire->path_length);
	if (r == 0)
		module->wire = *wire;
	return r;
}

static int decode_stack(struct process *process, const struct wire_record *record)
{
	const struct wire_stack *wire = record_body(record, sizeof(*wire));
	struct callsite *callsite = NULL;
	size_t size;
	uint64_t *frames;
	int r;

	if (!wire || wire->n_frames * sizeof(uint64_t) > record_size(record) - sizeof(*wire))
		return -EBADMSG;
	r = callsite_at(process, wire->callsite, &callsite);
	if (r < 0)
		return r;
	size = wire->n_frames * sizeof(uint64_t);
	frames = malloc(size ? size : 1);
	if (!frames)
		return -ENOMEM;
	memcpy(frames, wire + 1, size);
	free(callsite->frames);
	callsite->frames = frames;
	callsite->n_frames = wire->n_frames;
	callsite->flags = wire->flags;
	return 0;
}

static int decode_counts(struct process *process, const struct wire_record *record)
{
	const struct wire_counts *counts = record_body(record, 0);
	size_t n = record_size(record) / sizeof(*counts);

	for (size_t i = 0; i < n; i++) {
		struct callsite *callsite = NULL;
		int r = callsite_at(process, counts[i].callsite, &callsite);

		if (r < 0)
			return r;
		callsite->counts = counts[i];
	}
	return 0;
}

static int decode_callsite_verdicts(struct process *process, const struct wire_record *record)
{
	const struct wire_callsite_verdict *verdicts = record_body(record, 0);
	size_t n = record_size(record) / sizeof(*verdicts);

	for (size_t i = 0; i < n; i++) {
		struct callsite *callsite = NULL;
		int r = verdicts[i].state < N_VERDICTS ? callsite_at(process, verdicts[i].callsite, &callsite)
						       : -EBADMSG;

		if (r < 0)
			return r;
		callsite->verdict = verdicts[i];
		callsite->verdict.score = real_number(verdicts[i].score);
		callsite->verdict.growth_bytes_per_hour = real_number(verdicts[i].growth_bytes_per_hour);
		callsite->verdict.r2 = real_number(verdicts[i].r2);
	}
	return 0;
}

static int decode_evidence(struct process *process, const struct wire_record *record)
{
	const struct wire_evidence *evidence = record_body(record, 0);
	size_t n = record_size(record) / sizeof(*evidence);
	struct callsite *callsite;

	for (size_t i = 0; i < n; i++) {
		int r = evidence[i].state < N_VERDICTS ? callsite_at(process, evidence[i].callsite, &callsite)
						       : -EBADMSG;
		float *number;

		if (r < 0)
			return r;
		callsite->evidence = evidence[i];
		for (number = &callsite->evidence.z; number <= &callsite->evidence.age_s; number++)
			*number = (float)real_number(*number);
	}
	return 0;
}

static int decode_samples(struct process *process, const struct wire_record *record)
{
	const struct wire_sample *samples = record_body(record, 0);
	size_t n = record_size(record) / sizeof(*samples);
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++)
		r = process_add_sample(process, &samples[i]);
	return r;
}

static int decode_verdict(struct process *process, const struct wire_record *record)
{
	const struct wire_verdict *wire = record_body(record, sizeof(*wire));
	struct wire_verdict *verdict = &process->verdict;

	if (!wire || wire->state >= N_VERDICTS || wire->severity >= N_SEVERITIES)
		return -EBADMSG;
	*verdict = *wire;
	verdict->score = real_number(wire->score);
	verdict->growth_bytes_per_hour = real_number(wire->growth_bytes_per_hour);
	verdict->r2 = real_number(wire->r2);
	verdict->live_score = real_number(wire->live_score);
	verdict->live_growth_bytes_per_hour = real_number(wire->live_growth_bytes_per_hour);
	verdict->live_r2 = real_number(wire->live_r2);
	verdict->time_to_limit_s = isfinite(wire->time_to_limit_s) ? wire->time_to_limit_s : -1;
	verdict->confidence = real_number(wire->confidence);
	for (double *number = &verdict->evident_bytes_per_hour; number <= &verdict->grown_shared; number++)
		*number = real_number(*number);
	for (unsigned i = 0; i < WIRE_REASONS; i++)
		for (unsigned k = 0; k < 3; k++)
			verdict->reasons[i].value[k] = real_number(wire->reasons[i].value[k]);
	return 0;
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

	if (!wire || wire->how >= N_ENDS)
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
	case WIRE_AGENT:
		return decode_agent(process, record);
	case WIRE_END:
		return decode_end(process, record);
	case WIRE_TEXT:
		return type == FRAME_HELLO ? set_text(&process->options, record_body(record, 0), record_size(record))
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
