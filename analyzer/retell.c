/*
 * Retelling. See retell.h.
 */
#include "analyzer/retell.h"
#include "analyzer/cleanup.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void add(struct frame_builder *b, uint16_t kind, const void *body, size_t length)
{
	void *room = frame_record(b, kind, (uint32_t)length);

	if (room)
		memcpy(room, body, length);
}

static void append(struct frame_builder *b, uint16_t kind, const void *body, size_t length)
{
	void *room = frame_append(b, kind, (uint32_t)length);

	if (room)
		memcpy(room, body, length);
}

/* `fixed`, and behind it `length` bytes of `rest`. */
static void add_with(struct frame_builder *b, uint16_t kind, const void *fixed, size_t size, const void *rest,
		     size_t length)
{
	char *room = frame_record(b, kind, (uint32_t)(size + length));

	if (!room)
		return;
	memcpy(room, fixed, size);
	if (length)
		memcpy(room + size, rest, length);
}

static char *put_string(char *at, const char *text, size_t length)
{
	return text ? (char *)memcpy(at, text, length) + length : at;
}

static void tell_hello(struct frame_builder *b, const struct process *process)
{
	struct wire_process wire = process->wire;
	char *room;

	wire.exe_length = process->exe ? (uint32_t)strlen(process->exe) : 0;
	wire.cwd_length = process->cwd ? (uint32_t)strlen(process->cwd) : 0;
	wire.version_length = process->version ? (uint32_t)strlen(process->version) : 0;
	wire.command_length = 0;
	for (unsigned i = 0; i < process->n_command; i++)
		wire.command_length += (uint32_t)strlen(process->command[i]) + 1;
	frame_begin(b, FRAME_HELLO, FRAME_POST_MORTEM);
	room = frame_record(b, WIRE_PROCESS,
			    (uint32_t)sizeof(wire) + wire.exe_length + wire.cwd_length + wire.command_length +
				    wire.version_length);
	if (!room)
		return;
	room = put_string(room, (const char *)&wire, sizeof(wire));
	room = put_string(room, process->exe, wire.exe_length);
	room = put_string(room, process->cwd, wire.cwd_length);
	for (unsigned i = 0; i < process->n_command; i++)
		room = put_string(room, process->command[i], strlen(process->command[i]) + 1);
	put_string(room, process->version, wire.version_length);
}

static void tell_modules(struct frame_builder *b, const struct process *process)
{
	for (uint32_t id = 1; id < process->n_modules; id++) {
		const struct module *module = &process->modules[id];
		struct wire_module wire = module->wire;

		wire.path_length = module->path ? (uint32_t)strlen(module->path) : 0;
		if (wire.id)
			add_with(b, WIRE_MODULE, &wire, sizeof(wire), module->path, wire.path_length);
	}
}

static void tell_stack(struct frame_builder *b, uint32_t id, const struct callsite *callsite)
{
	struct wire_stack wire = {id, (uint16_t)callsite->n_frames, (uint16_t)callsite->flags};
	size_t size = callsite->n_frames * sizeof(uint64_t);
	bool sampled = callsite->flags & STACK_SAMPLED;
	char *room = frame_record(b, WIRE_STACK,
				  (uint32_t)(sizeof(wire) + size + (sampled ? sizeof(callsite->sampling) : 0)));

	if (!room)
		return;
	memcpy(room, &wire, sizeof(wire));
	memcpy(room + sizeof(wire), callsite->frames, size);
	if (sampled)
		memcpy(room + sizeof(wire) + size, &callsite->sampling, sizeof(callsite->sampling));
}

/* Records of one kind together. */
static void tell_callsites(struct frame_builder *b, const struct process *process)
{
	const struct callsite *callsites = process->callsites;
	uint32_t n = process->n_callsites, id;

	for (id = 1; id < n; id++)
		if (callsites[id].frames)
			tell_stack(b, id, &callsites[id]);
	for (id = 1; id < n; id++)
		if (callsites[id].counts.callsite)
			append(b, WIRE_COUNTS, &callsites[id].counts, sizeof(callsites[id].counts));
	for (id = 1; id < n; id++) {
		struct wire_callsite_verdict verdict = callsites[id].verdict;

		verdict.callsite = id;
		if (verdict.state || verdict.score > 0)
			append(b, WIRE_CALLSITE_VERDICT, &verdict, sizeof(verdict));
	}
	for (id = 1; id < n; id++)
		if (callsites[id].evidence.callsite)
			append(b, WIRE_EVIDENCE, &callsites[id].evidence, sizeof(callsites[id].evidence));
}

/* A gap in the numbers of two empty frames. */
static void tell_missing(struct frame_builder *b, uint64_t n)
{
	frame_begin(b, FRAME_SNAPSHOT, 0);
	frame_end(b, 0);
	b->sequence += n;
	frame_begin(b, FRAME_SNAPSHOT, 0);
	frame_end(b, FRAME_LAST);
}

int retell_process(const struct process *process, frame_sink sink, void *context)
{
	cleanup_free unsigned char *buffer = aligned_alloc(8, FRAME_MAX);
	struct frame_builder b;

	if (!buffer)
		return -ENOMEM;
	frame_init(&b, buffer, process->stream, sink, context);
	tell_hello(&b, process);
	frame_begin(&b, FRAME_SNAPSHOT, FRAME_POST_MORTEM | FRAME_FULL);
	add(&b, WIRE_AGENT, &process->agent, sizeof(process->agent));
	add(&b, WIRE_DETECTOR, &process->detector, sizeof(process->detector));
	add(&b, WIRE_TEXT, process->options, strlen(process->options));
	add(&b, WIRE_VERDICT, &process->verdict, sizeof(process->verdict));
	for (unsigned i = 0; i < PROCESS_MAPPINGS && process->mappings[i].name[0]; i++)
		append(&b, WIRE_MAPPINGS, &process->mappings[i], sizeof(process->mappings[i]));
	if (process->end.how != END_RUNNING)
		add(&b, WIRE_END, &process->end, sizeof(process->end));
	tell_modules(&b, process);
	for (size_t i = 0; i < process->n_samples; i++)
		append(&b, WIRE_SAMPLE, &process->samples[i], sizeof(process->samples[i]));
	tell_callsites(&b, process);
	frame_end(&b, FRAME_LAST);
	if (process->missing_frames)
		tell_missing(&b, process->missing_frames);
	return b.failed ? -EIO : 0;
}
