/*
 * Symbols -- see symbolize.h. Processes of one program share its files and their caches.
 */
#include "analyzer/symbolize.h"
#include "analyzer/demangle.h"
#include "analyzer/fnv.h"
#include "analyzer/modulepath.h"
#include "analyzer/objfile.h"
#include "analyzer/textpool.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct cached_address {
	uint64_t address;
	UT_hash_handle hh;
	unsigned n;
	struct symbol symbols[];
};

/* One file, or the reason why there is none. */
struct object {
	struct objfile *file;
	const char *complaint;
	struct cached_address *addresses;
	UT_hash_handle hh;
	size_t key_length;
	unsigned char key[]; /* build-id, then path */
};

struct module_key {
	uint64_t stream;
	uint64_t module;
};

struct module_reference {
	struct module_key key;
	struct object *object;
	UT_hash_handle hh;
};

struct symbolizer {
	bool debuginfod;
	char *sysroot;
	struct object *objects;
	struct module_reference *references;
	struct cached_address *replayed; /* by the address of the name */
	struct textpool texts;
};

static const struct symbol no_symbol;

struct symbolizer *symbolizer_new(bool debuginfod, const char *sysroot)
{
	struct symbolizer *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->debuginfod = debuginfod;
	if (sysroot && sysroot[0]) {
		s->sysroot = strdup(sysroot);
		if (!s->sysroot) {
			free(s);
			return NULL;
		}
	}
	return s;
}

static void addresses_free(struct cached_address *addresses)
{
	struct cached_address *address, *next;

	HASH_ITER (hh, addresses, address, next) {
		HASH_DEL(addresses, address);
		free(address);
	}
}

static void object_free(struct object *object)
{
	addresses_free(object->addresses);
	objfile_free(object->file);
	free(object);
}

void symbolizer_free(struct symbolizer *s)
{
	struct module_reference *reference, *next_reference;
	struct object *object, *next_object;

	if (!s)
		return;
	HASH_ITER (hh, s->references, reference, next_reference) {
		HASH_DEL(s->references, reference);
		free(reference);
	}
	HASH_ITER (hh, s->objects, object, next_object) {
		HASH_DEL(s->objects, object);
		object_free(object);
	}
	addresses_free(s->replayed);
	textpool_fini(&s->texts);
	free(s->sysroot);
	free(s);
}

static const char *explain(struct symbolizer *s, int error, bool deleted)
{
	char text[128];

	if (error == -ENOENT || error == -ENOTDIR)
		return deleted ? "deleted since it was loaded" : "no such file";
	if (error == -ESTALE)
		return deleted ? "replaced since it was loaded" : "changed since the recording";
	if (error == -ENOEXEC)
		return "not an object file";
	snprintf(text, sizeof(text), "not readable (%s)", strerror(-error));
	return textpool_keep(&s->texts, text);
}

static void object_open(struct symbolizer *s, struct object *object, const struct process *process,
			const struct module *module, const char *path, bool deleted)
{
	struct objfile_wanted wanted = {
		.path = path,
		.build_id_length = module->wire.build_id_length,
		.not_after = process->wire.start_realtime_ns / 1000000000,
		.sysroot = s->sysroot,
		.debuginfod = s->debuginfod,
	};
	int r;

	if (wanted.build_id_length > sizeof(module->wire.build_id))
		wanted.build_id_length = sizeof(module->wire.build_id);
	if (wanted.build_id_length)
		wanted.build_id = module->wire.build_id;
	r = objfile_open(&object->file, &wanted);
	if (r < 0)
		object->complaint = explain(s, r, deleted);
}

/* The object of this path and build-id, opened if new; NULL when out of memory. */
static struct object *object_find(struct symbolizer *s, const struct process *process, const struct module *module)
{
	bool deleted, pseudo;
	char *path = module_path(process, module, s->sysroot, &deleted, &pseudo);
	size_t key_length = path ? sizeof(module->wire.build_id) + strlen(path) : 0;
	struct object *object = path ? calloc(1, sizeof(*object) + key_length) : NULL, *known = NULL;

	if (!object) {
		free(path);
		return NULL;
	}
	memcpy(object->key, module->wire.build_id, sizeof(module->wire.build_id));
	memcpy(object->key + sizeof(module->wire.build_id), path, strlen(path));
	object->key_length = key_length;
	HASH_FIND(hh, s->objects, object->key, key_length, known);
	if (known) {
		free(object);
		free(path);
		return known;
	}
	HASH_ADD_KEYPTR(hh, s->objects, object->key, key_length, object);
	if (!object->hh.tbl) {
		free(object);
		free(path);
		return NULL;
	}
	if (!pseudo)
		object_open(s, object, process, module, path, deleted);
	free(path);
	return object;
}

static struct object *module_object(struct symbolizer *s, const struct process *process, uint64_t id)
{
	struct module_key key = {.stream = process->stream, .module = id};
	struct module_reference *reference = NULL;
	struct object *object;

	HASH_FIND(hh, s->references, &key, sizeof(key), reference);
	if (reference)
		return reference->object;
	if (id == 0 || id >= process->n_modules || process->modules[id].wire.id == 0)
		return NULL;
	object = object_find(s, process, &process->modules[id]);
	reference = object ? calloc(1, sizeof(*reference)) : NULL;
	if (!reference)
		return object;
	reference->key = key;
	reference->object = object;
	HASH_ADD(hh, s->references, key, sizeof(key), reference);
	if (!reference->hh.tbl)
		free(reference);
	return object;
}

/* Names a symbol by its linkage name or, where there is none, by its name in the source. */
static void name_symbol(struct symbolizer *s, struct symbol *symbol, const char *linkage, const char *name)
{
	char *plain = demangle(linkage);

	symbol->linkage = textpool_keep(&s->texts, linkage ? linkage : name);
	symbol->function = textpool_keep(&s->texts, plain ? plain : name ? name : linkage);
	symbol->name_hash = symbol->linkage ? fnv_text(FNV_START, symbol->linkage) : 0;
	free(plain);
}

static void symbol_from_source(struct symbolizer *s, struct symbol *symbol, const struct source_frame *frame,
			       uint64_t address)
{
	char *file = frame->file ? tidy_path(frame->directory, frame->file) : NULL;

	symbol->file = textpool_keep(&s->texts, file ? file : frame->file);
	free(file);
	symbol->line = frame->line;
	symbol->inlined = frame->inlined;
	if (!frame->name && !frame->linkage)
		return;
	symbol->quality = SYMBOL_EXACT;
	if (frame->entry && frame->entry <= address)
		symbol->function_offset = address - frame->entry;
	name_symbol(s, symbol, frame->linkage, frame->name);
}

/*
 * Where debug information has no name, the symbol table may have one; and where it has only the bare
 * name (lambdas), the symbol tells what it belongs to.
 */
static void symbol_from_table(struct symbolizer *s, struct object *object, struct symbol *symbol, uint64_t address,
			      const struct source_frame *frame)
{
	struct objfile_symbol found;
	char *plain;

	if (frame && frame->linkage)
		return;
	if (!objfile_symbol(object->file, address - 1, &found))
		return;
	if (symbol->function) {
		plain = found.covers && found.start == frame->entry ? demangle(found.name) : NULL;
		if (plain)
			name_symbol(s, symbol, found.name, NULL);
		free(plain);
		return;
	}
	name_symbol(s, symbol, found.name, NULL);
	symbol->function_offset = address - found.start;
	/* A size that reaches the address is proof; without one, another function without symbol may lie between. */
	symbol->quality =
		found.covers && (found.size || objfile_has_all_symbols(object->file)) ? SYMBOL_EXACT : SYMBOL_NEAREST;
}

static struct cached_address *look_up(struct symbolizer *s, struct object *object, uint64_t address)
{
	struct source_frame frames[DEBUGINFO_FRAMES];
	unsigned n = objfile_find(object->file, address - 1, frames);
	unsigned n_symbols = n ? n : 1;
	struct cached_address *cached = calloc(1, sizeof(*cached) + n_symbols * sizeof(cached->symbols[0]));

	if (!cached)
		return NULL;
	cached->address = address;
	cached->n = n_symbols;
	for (unsigned i = 0; i < n; i++)
		symbol_from_source(s, &cached->symbols[i], &frames[i], address);
	symbol_from_table(s, object, &cached->symbols[n_symbols - 1], address, n ? &frames[n - 1] : NULL);
	HASH_ADD(hh, object->addresses, address, sizeof(cached->address), cached);
	if (!cached->hh.tbl) {
		free(cached);
		return NULL;
	}
	return cached;
}

/* A replay's site: its word is the name of a function, of no module. */
static unsigned name_replayed(struct symbolizer *s, const char *name, const struct symbol **symbols)
{
	uint64_t address = (uintptr_t)name;
	struct cached_address *cached = NULL;

	if (!name)
		return 1;
	HASH_FIND(hh, s->replayed, &address, sizeof(address), cached);
	if (!cached) {
		cached = calloc(1, sizeof(*cached) + sizeof(cached->symbols[0]));
		if (!cached)
			return 1;
		cached->address = address;
		cached->n = 1;
		cached->symbols[0] = (struct symbol){
			.function = name,
			.linkage = name,
			.name_hash = fnv_text(FNV_START, name),
			.quality = SYMBOL_EXACT,
		};
		HASH_ADD(hh, s->replayed, address, sizeof(cached->address), cached);
		if (!cached->hh.tbl) {
			free(cached);
			return 1;
		}
	}
	*symbols = cached->symbols;
	return 1;
}

unsigned symbolize(struct symbolizer *s, const struct process *process, uint64_t frame, const struct symbol **symbols)
{
	uint64_t address = frame & FRAME_OFFSET_MASK;
	struct object *object = module_object(s, process, frame >> FRAME_MODULE_SHIFT);
	struct cached_address *cached = NULL;

	*symbols = &no_symbol;
	if (process->n_functions && frame < process->n_functions)
		return name_replayed(s, process->functions[frame], symbols);
	if (!object || !object->file || address == 0)
		return 1;
	HASH_FIND(hh, object->addresses, &address, sizeof(address), cached);
	if (!cached)
		cached = look_up(s, object, address);
	if (!cached)
		return 1;
	*symbols = cached->symbols;
	return cached->n;
}

const char *symbolizer_complaint(struct symbolizer *s, const struct process *process, uint32_t module)
{
	struct object *object = module_object(s, process, module);

	return object ? object->complaint : NULL;
}
