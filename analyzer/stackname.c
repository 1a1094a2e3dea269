/*
 * Stack names -- see stackname.h.
 */
#include "analyzer/stackname.h"
#include "analyzer/fnv.h"
#include "analyzer/modulepath.h"
#include <stdio.h>

static uint64_t mix_frame(uint64_t hash, struct symbolizer *symbolizer, const struct process *process, uint64_t frame)
{
	uint64_t id = frame >> FRAME_MODULE_SHIFT;
	const struct symbol *symbols;
	unsigned n = symbolize(symbolizer, process, frame, &symbols);

	if (id && id < process->n_modules)
		hash = fnv_text(hash, base_name(module_name(process, &process->modules[id])));
	for (unsigned i = 0; i < n; i++)
		hash = fnv_number(hash, symbols[i].linkage ? symbols[i].name_hash : frame & FRAME_OFFSET_MASK);
	return hash;
}

void stackname(struct symbolizer *symbolizer, const struct process *process, const uint64_t *frames, uint32_t n_frames,
	       char name[STACKNAME_SIZE])
{
	uint64_t hash = FNV_START;

	for (uint32_t i = 0; i < n_frames; i++)
		hash = mix_frame(hash, symbolizer, process, frames[i]);
	snprintf(name, STACKNAME_SIZE, "%016llx", (unsigned long long)hash);
}
