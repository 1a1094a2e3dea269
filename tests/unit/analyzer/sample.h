/*
 * Sample -- processes for tests of symbols and reports, whose frames lie in fixtures/stacks.c.
 */
#pragma once
#include "analyzer/model.h"
#include <dlfcn.h>
#include <elfutils/libdwelf.h>
#include <fcntl.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FRAME(module, offset) ((uint64_t)(module) << FRAME_MODULE_SHIFT | (offset))

/* Makes the program's arguments, which are paths, absolute. */
static inline void sample_absolute(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		argv[i] = realpath(argv[i], NULL);
}

/* The build-id of a file, put into the module. */
static inline void sample_read_build_id(struct module *module, const char *path)
{
	int fd = open(path, O_RDONLY);
	const void *bits = NULL;
	ssize_t length;
	Elf *elf;

	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	length = elf ? dwelf_elf_gnu_build_id(elf, &bits) : -1;
	module->wire.build_id_length = length > 0 && length <= 32 ? length : 0;
	if (bits)
		memcpy(module->wire.build_id, bits, module->wire.build_id_length);
	elf_end(elf);
	close(fd);
}

/* Adds a module whose path need not exist; its build-id is that of `file`, if not NULL. Returns its id. */
static inline uint32_t sample_module(struct process *process, const char *path, const char *file)
{
	uint32_t id = process->n_modules ? process->n_modules : 1;

	process->modules = reallocarray(process->modules, id + 1, sizeof(*process->modules));
	if (id == 1)
		memset(&process->modules[0], 0, sizeof(process->modules[0]));
	memset(&process->modules[id], 0, sizeof(process->modules[id]));
	process->modules[id].wire.id = id;
	process->modules[id].path = strdup(path);
	if (file)
		sample_read_build_id(&process->modules[id], file);
	process->n_modules = id + 1;
	return id;
}

/* Link address and size of an exported function of a file that can be loaded; 0 when there is none. */
static inline uint64_t sample_function(const char *path, const char *name, uint64_t *size)
{
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	void *function = handle ? dlsym(handle, name) : NULL;
	const ElfW(Sym) *symbol = NULL;
	Dl_info info;

	if (!function || !dladdr1(function, &info, (void **)&symbol, RTLD_DL_SYMENT) || !symbol)
		return 0;
	if (size)
		*size = symbol->st_size;
	return symbol->st_value;
}

/* Adds a callsite with these counts; frames may be NULL. Returns it. */
static inline struct callsite *sample_callsite(struct process *process, const uint64_t *frames, uint32_t n_frames,
					       struct wire_counts counts)
{
	uint32_t id = process->n_callsites ? process->n_callsites : 1;
	struct callsite *callsite;

	process->callsites = reallocarray(process->callsites, id + 1, sizeof(*process->callsites));
	if (id == 1)
		memset(&process->callsites[0], 0, sizeof(process->callsites[0]));
	callsite = &process->callsites[id];
	memset(callsite, 0, sizeof(*callsite));
	if (frames) {
		callsite->frames = calloc(n_frames + 1, sizeof(*frames));
		memcpy(callsite->frames, frames, n_frames * sizeof(*frames));
		callsite->n_frames = n_frames;
	}
	callsite->counts = counts;
	callsite->counts.callsite = id;
	process->n_callsites = id + 1;
	return callsite;
}

static inline struct wire_counts sample_counts(uint64_t blocks, uint64_t bytes, uint64_t freed, uint64_t freed_bytes)
{
	return (struct wire_counts){.allocated_blocks = blocks,
				    .allocated_bytes = bytes,
				    .freed_blocks = freed,
				    .freed_bytes = freed_bytes};
}

static inline void sample_text(char **field, const char *text)
{
	free(*field);
	*field = strdup(text);
}

static inline void sample_argument(struct process *process, const char *argument)
{
	process->command = reallocarray(process->command, process->n_command + 2, sizeof(*process->command));
	process->command[process->n_command++] = strdup(argument);
	process->command[process->n_command] = NULL;
}
