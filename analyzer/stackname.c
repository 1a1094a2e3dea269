/*
 * Stack names -- see stackname.h. FNV-1a, 64 bits.
 */
#include "analyzer/stackname.h"
#include "analyzer/modulepath.h"
#include <stdio.h>
#include <string.h>

static uint64_t mix(uint64_t hash, const void *data, size_t size)
{
	const unsigned char *bytes = data;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
	return hash;
}

static uint64_t mix_text(uint64_t hash, const char *text)
{
	return mix(hash, text, strlen(text) + 1);
}

static uint64_t mix_frame(uint64_t hash, struct symbolizer *symbolizer, const struct process *process, uint64_t frame)
{
	uint64_t id = frame >> FRAME_MODULE_SHIFT, offset = frame & FRAME_OFFSET_MASK;
	const char *module = "";
	const struct symbol *symbols;
	unsigned n = symbolize(symbolizer, process, frame, &symbols);

	if (id && id < process->n_modules)
		module = base_name(module_name(process, &process->modules[id]));
	for (unsigned i = 0; i < n; i++) {
		const char *name = symbols[i].linkage ? symbols[i].linkage : symbols[i].function;

		hash = mix_text(hash, module);
		hash = name ? mix_text(hash, name) : mix(hash, &offset, sizeof(offset));
	}
	return hash;
}

void stackname(struct symbolizer *symbolizer, const struct process *process, const uint64_t *frames, uint32_t n_frames,
	       char name[STACKNAME_SIZE])
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (uint32_t i = 0; i < n_frames; i++)
		hash = mix_frame(hash, symbolizer, process, frames[i]);
	snprintf(name, STACKNAME_SIZE, "%016llx", (unsigned long long)hash);
}
