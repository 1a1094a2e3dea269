/*
 * Callsites as JSON -- see json_callsite.h. The text of a frame is made once a process.
 */
#include "analyzer/json_callsite.h"
#include "analyzer/json_value.h"
#include "analyzer/modulepath.h"
#include "analyzer/stackname.h"
#include "analyzer/words.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct frame_text {
	uint64_t frame;
	UT_hash_handle hh;
	size_t length;
	char *text;
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

static const struct frame_text *find_frame_text(struct frame_text **texts, const struct process *process,
						struct symbolizer *symbolizer, uint64_t frame)
{
	struct frame_text *known = NULL;

	HASH_FIND(hh, *texts, &frame, sizeof(frame), known);
	if (known)
		return known;
	known = calloc(1, sizeof(*known));
	if (!known)
		return NULL;
	known->frame = frame;
	known->text = make_frame_text(process, symbolizer, frame);
	if (known->text)
		HASH_ADD(hh, *texts, frame, sizeof(frame), known);
	if (!known->text || !known->hh.tbl) {
		free(known->text);
		free(known);
		return NULL;
	}
	known->length = strlen(known->text);
	return known;
}

static void free_frame_texts(struct frame_text *texts)
{
	struct frame_text *text, *next;

	HASH_ITER (hh, texts, text, next) {
		HASH_DEL(texts, text);
		free(text->text);
		free(text);
	}
}

static json_t *callsite_json(const struct process *process, const struct listed_callsite *callsite,
			     struct symbolizer *symbolizer)
{
	const struct wire_callsite_verdict *verdict = &callsite->verdict;
	const struct wire_counts *counts = &callsite->counts;
	char name[STACKNAME_SIZE];
	json_t *json;

	stackname(symbolizer, process, callsite->frames, callsite->n_frames, name);
	json = json_pack(
		"{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:{s:o,s:o,s:o,s:o}}", "id", json_text(name), "live_bytes",
		json_size(callsite->live_bytes), "live_blocks", json_size(callsite->live_blocks), "allocated_bytes",
		json_size(counts->allocated_bytes), "allocated_blocks", json_size(counts->allocated_blocks),
		"freed_bytes", json_size(counts->freed_bytes), "freed_blocks", json_size(counts->freed_blocks),
		"verdict", "state", json_text(verdict_name(verdict->state)), "score", json_number(verdict->score),
		"growth_bytes_per_hour", json_number(verdict->growth_bytes_per_hour), "r2", json_number(verdict->r2));
	if (json && (callsite->flags & STACK_CUT))
		json_object_set_new(json, "cut", json_true());
	if (json && (callsite->flags & STACK_INCOMPLETE))
		json_object_set_new(json, "incomplete", json_true());
	return json;
}

int json_put_callsites(FILE *out, const struct process *process, const struct listing *listing,
		       struct symbolizer *symbolizer)
{
	struct frame_text *texts = NULL;
	int r = 0;

	for (size_t i = 0; i < listing->n && r == 0 && !ferror(out); i++) {
		const struct listed_callsite *callsite = &listing->callsites[i];

		fputs(i ? ",\n   {" : "\n   {", out);
		r = json_put_members(out, callsite_json(process, callsite, symbolizer));
		fputs(",\"frames\":[", out);
		for (uint32_t j = 0; j < callsite->n_frames && r == 0; j++) {
			const struct frame_text *made =
				find_frame_text(&texts, process, symbolizer, callsite->frames[j]);

			if (j)
				fputs(",\n     ", out);
			if (made)
				fwrite(made->text, 1, made->length, out);
			else
				r = -ENOMEM;
		}
		fputs("]}", out);
	}
	free_frame_texts(texts);
	return r;
}
