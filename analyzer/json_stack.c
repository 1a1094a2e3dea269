/*
 * Stacks as JSON -- see json_stack.h.
 *
 * Modules get numbers that mean the same in all processes: by build-id and path. A frame with such a number in
 * place of its process's own module id is the key of its text.
 */
#include "analyzer/json_stack.h"
#include "analyzer/json_value.h"
#include "analyzer/modulepath.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BYTES_KEPT (64u << 20)
#define MODULES_MAX (1u << (64 - FRAME_MODULE_SHIFT))

struct known_module {
	UT_hash_handle hh;
	uint64_t number;
	char key[];
};

struct frame_text {
	uint64_t key;
	UT_hash_handle hh;
	size_t length;
	char *text;
};

struct json_stacks {
	struct symbolizer *symbolizer;
	const struct process *process;
	struct known_module *modules;
	struct frame_text *frames;
	struct json_stack *stacks;
	size_t bytes;
	uint64_t *numbers; /* by the process's module id */
	uint32_t n_numbers;
	uint64_t *key; /* of the stack looked for */
	uint32_t key_room;
};

static json_t *frame_json(const struct process *process, uint64_t frame, const struct symbol *symbol)
{
	static const struct module no_module;
	uint64_t id = frame >> FRAME_MODULE_SHIFT;
	const struct module *module = id && id < process->n_modules ? &process->modules[id] : &no_module;
	json_t *json =
		json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "function", json_text(symbol->function), "file",
			  json_text(symbol->file), "line", symbol->line ? json_integer(symbol->line) : json_null(),
			  "module", json_text_or_null(module_name(process, module)), "build_id", json_build_id(module),
			  "offset", json_size(frame & FRAME_OFFSET_MASK), "inlined", json_boolean(symbol->inlined));

	if (json && symbol->quality == SYMBOL_NEAREST) {
		json_object_set_new(json, "nearest", json_true());
		json_object_set_new(json, "function_offset", json_size(symbol->function_offset));
	}
	return json;
}

/* The objects of a frame and of what was inlined there, separated by commas. */
static char *make_frame_text(const struct process *process, struct symbolizer *symbolizer, uint64_t frame)
{
	const struct symbol *symbols;
	unsigned n = symbolize(symbolizer, process, frame, &symbols);
	json_t *array = json_array();
	char *made;

	for (unsigned i = 0; i < n; i++)
		json_array_append_new(array, frame_json(process, frame, &symbols[i]));
	made = json_array_size(array) == n ? json_dumps(array, JSON_STYLE | JSON_EMBED) : NULL;
	json_decref(array);
	return made;
}

static const struct frame_text *find_frame(struct json_stacks *stacks, uint64_t key, uint64_t frame)
{
	struct frame_text *known = NULL;

	HASH_FIND(hh, stacks->frames, &key, sizeof(key), known);
	if (known)
		return known;
	known = calloc(1, sizeof(*known));
	if (!known)
		return NULL;
	known->key = key;
	known->text = make_frame_text(stacks->process, stacks->symbolizer, frame);
	if (known->text)
		HASH_ADD(hh, stacks->frames, key, sizeof(key), known);
	if (!known->text || !known->hh.tbl) {
		free(known->text);
		free(known);
		return NULL;
	}
	known->length = strlen(known->text);
	stacks->bytes += sizeof(*known) + known->length;
	return known;
}

static void forget_texts(struct json_stacks *stacks)
{
	struct frame_text *frame, *next_frame;
	struct json_stack *stack, *next_stack;

	HASH_ITER (hh, stacks->frames, frame, next_frame) {
		HASH_DEL(stacks->frames, frame);
		free(frame->text);
		free(frame);
	}
	HASH_ITER (hh, stacks->stacks, stack, next_stack) {
		HASH_DEL(stacks->stacks, stack);
		free(stack->text);
		free(stack);
	}
	stacks->bytes = 0;
}

static void forget_modules(struct json_stacks *stacks)
{
	struct known_module *module, *next;

	HASH_ITER (hh, stacks->modules, module, next) {
		HASH_DEL(stacks->modules, module);
		free(module);
	}
}

struct json_stacks *json_stacks_new(struct symbolizer *symbolizer)
{
	struct json_stacks *stacks = calloc(1, sizeof(*stacks));

	if (stacks)
		stacks->symbolizer = symbolizer;
	return stacks;
}

void json_stacks_free(struct json_stacks *stacks)
{
	if (!stacks)
		return;
	forget_texts(stacks);
	forget_modules(stacks);
	free(stacks->numbers);
	free(stacks->key);
	free(stacks);
}

/* The number of a module, a new one if it is new; 0 when out of memory. */
static uint64_t number_of(struct json_stacks *stacks, const struct process *process, const struct module *module)
{
	const char *name = module_name(process, module), *folder = name[0] != '/' && process->cwd ? process->cwd : "";
	size_t id_length = sizeof(module->wire.build_id), length = id_length + strlen(folder) + 1 + strlen(name);
	struct known_module *known = calloc(1, sizeof(*known) + length + 1), *same = NULL;

	if (!known)
		return 0;
	memcpy(known->key, module->wire.build_id, id_length);
	sprintf(known->key + id_length, "%s/%s", folder, name);
	HASH_FIND(hh, stacks->modules, known->key, length, same);
	if (same) {
		free(known);
		return same->number;
	}
	known->number = HASH_COUNT(stacks->modules) + 1;
	HASH_ADD_KEYPTR(hh, stacks->modules, known->key, length, known);
	if (known->hh.tbl)
		return known->number;
	free(known);
	return 0;
}

int json_stacks_begin(struct json_stacks *stacks, const struct process *process)
{
	uint64_t *numbers = calloc(process->n_modules + 1u, sizeof(*numbers));

	if (!numbers)
		return -ENOMEM;
	free(stacks->numbers);
	stacks->numbers = numbers;
	stacks->n_numbers = process->n_modules;
	stacks->process = process;
	if (HASH_COUNT(stacks->modules) + process->n_modules >= MODULES_MAX) {
		forget_texts(stacks);
		forget_modules(stacks);
	}
	for (uint32_t id = 1; id < process->n_modules; id++)
		if (process->modules[id].wire.id && !(numbers[id] = number_of(stacks, process, &process->modules[id])))
			return -ENOMEM;
	return 0;
}

static int make_key(struct json_stacks *stacks, const uint64_t *frames, uint32_t n_frames)
{
	if (!stacks->key || n_frames > stacks->key_room) {
		free(stacks->key);
		stacks->key_room = 0;
		stacks->key = calloc(n_frames ? n_frames : 1, sizeof(*stacks->key));
		if (!stacks->key)
			return -ENOMEM;
		stacks->key_room = n_frames;
	}
	for (uint32_t i = 0; i < n_frames; i++) {
		uint64_t id = frames[i] >> FRAME_MODULE_SHIFT,
			 number = id < stacks->n_numbers ? stacks->numbers[id] : 0;

		stacks->key[i] = number << FRAME_MODULE_SHIFT | (frames[i] & FRAME_OFFSET_MASK);
	}
	return 0;
}

/* The frames' texts, one after the other. */
static char *join_frames(struct json_stacks *stacks, const uint64_t *frames, uint32_t n_frames, size_t *length)
{
	static const char comma[] = ",\n     ";
	const struct frame_text *text;
	char *joined, *to;

	*length = 0;
	for (uint32_t i = 0; i < n_frames; i++) {
		text = find_frame(stacks, stacks->key[i], frames[i]);
		if (!text)
			return NULL;
		*length += text->length + (i ? sizeof(comma) - 1 : 0);
	}
	joined = to = malloc(*length + 1);
	for (uint32_t i = 0; joined && i < n_frames; i++) {
		text = find_frame(stacks, stacks->key[i], frames[i]);
		if (!text)
			break;
		to = i ? mempcpy(to, comma, sizeof(comma) - 1) : to;
		to = mempcpy(to, text->text, text->length);
	}
	return joined;
}

static struct json_stack *make_stack(struct json_stacks *stacks, const uint64_t *frames, uint32_t n_frames)
{
	size_t key_length = n_frames * sizeof(*frames);
	struct json_stack *stack = calloc(1, sizeof(*stack) + key_length);

	if (!stack)
		return NULL;
	if (n_frames)
		memcpy(stack->key, stacks->key, key_length);
	stackname(stacks->symbolizer, stacks->process, frames, n_frames, stack->name);
	stack->text = join_frames(stacks, frames, n_frames, &stack->length);
	if (stack->text)
		HASH_ADD_KEYPTR(hh, stacks->stacks, stack->key, key_length, stack);
	if (!stack->text || !stack->hh.tbl) {
		free(stack->text);
		free(stack);
		return NULL;
	}
	stacks->bytes += sizeof(*stack) + key_length + stack->length;
	return stack;
}

const struct json_stack *json_stacks_find(struct json_stacks *stacks, const uint64_t *frames, uint32_t n_frames)
{
	struct json_stack *known = NULL;

	if (make_key(stacks, frames, n_frames) < 0)
		return NULL;
	HASH_FIND(hh, stacks->stacks, stacks->key, n_frames * sizeof(*frames), known);
	if (known)
		return known;
	if (stacks->bytes > BYTES_KEPT)
		forget_texts(stacks);
	return make_stack(stacks, frames, n_frames);
}
