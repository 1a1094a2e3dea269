/*
 * Modules -- which loaded object a return address belongs to.
 *
 * Asked of the loader by _dl_find_object, which takes no lock and may be called anywhere; never by
 * dl_iterate_phdr, whose lock another thread may hold while it waits for ours. An object is
 * entered in the region when code of it is first met. It ends when the loader frees its link map,
 * which passes through our free(): later code at the same addresses is another module, unless it is of the
 * same file with the same build-id: then it is the old one, wherever it lies now.
 */
#pragma once
#include "agent/compiler.h"
#include "protocol/region.h"

struct module {
	uintptr_t start, end; /* mapped addresses */
	uintptr_t bias;
	const unsigned char *eh_frame_header; /* NULL: no unwind table */
	const void *link_map;
	uint32_t id;
	bool is_loader, is_libc, unloaded;
	struct region_module *record; /* NULL: the region had no room */
};

extern uintptr_t module_loader_start guard_hidden, module_loader_size guard_hidden;

/* Is this code the dynamic loader's? Context: any. */
guard_inline bool module_is_loader_code(uintptr_t pc)
{
	return pc - module_loader_start < module_loader_size;
}

/* Finds what it needs of the loader. Context: init. */
void modules_init(void);
/* The module of this code, entered if new; NULL: no module's. Context: holding rule_lock(). */
const struct module *module_at(uintptr_t pc);
/* A return address as it is written in the region. */
guard_inline uint64_t module_frame(const struct module *module, uintptr_t pc)
{
	return ((uint64_t)module->id << FRAME_MODULE_SHIFT) | ((pc - module->bias) & FRAME_OFFSET_MASK);
}
/* A block of the loader's is being freed: was it an object's link map? Context: thread.busy set. */
void modules_freed(const void *block);
/* Is this code the loader's or the C library's? True when it cannot be told. Context: any, after modules_init(). */
bool module_code_is_system(uintptr_t pc);
/* Is this code the C library's? False when it cannot be told. Context: as above. */
bool module_has_libc_code(const void *code);
/* Of a frame as in the region: is it the loader's, or the C library's? Context: any. */
bool module_is_loader(uint64_t frame);
bool module_is_libc(uint64_t frame);
