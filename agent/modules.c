/*
 * Modules. See modules.h.
 */
#include "agent/modules.h"
#include "agent/memory.h"
#include "agent/operators.h"
#include "agent/process.h"
#include "agent/rule.h"
#include "agent/stack.h"
#include "agent/store.h"
#include "agent/sys.h"
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <string.h>

#define MODULES 16384u

/* As glibc 2.35 defines it; declared here so that older headers and libraries do. */
struct find_result {
	unsigned long long flags;
	void *map_start, *map_end;
	struct link_map *link_map;
	void *eh_frame;
	unsigned long long reserved[7];
};

static int (*find_object)(void *address, struct find_result *result);
static struct module **modules; /* by id - 1 */
static uint32_t n_modules;
uintptr_t module_loader_start, module_loader_size;
static uintptr_t libc_start;

void modules_init(void)
{
	struct find_result found;

	*(void **)&find_object = dlsym(RTLD_DEFAULT, "_dl_find_object");
	modules = memory_map(MODULES * sizeof(*modules));
	if (!find_object)
		return;
	if (!find_object(dlsym(RTLD_DEFAULT, "_r_debug"), &found)) { /* its own; libc has the functions too */
		module_loader_start = (uintptr_t)found.map_start;
		module_loader_size = (uintptr_t)found.map_end - module_loader_start;
	}
	if (!find_object(dlsym(RTLD_DEFAULT, "getpid"), &found))
		libc_start = (uintptr_t)found.map_start;
}

static void note_build_id(struct wire_module *wire, const char *note, size_t size)
{
	const Elf64_Nhdr *n;
	size_t name, desc;

	while (size >= sizeof(*n)) {
		n = (const void *)note;
		name = (n->n_namesz + 3u) & ~3u;
		desc = (n->n_descsz + 3u) & ~3u;
		if (name > size || desc > size || sizeof(*n) + name + desc > size)
			return;
		if (n->n_type == NT_GNU_BUILD_ID && n->n_namesz == 4 && !memcmp(n + 1, "GNU", 4)) {
			wire->build_id_length =
				n->n_descsz < sizeof(wire->build_id) ? n->n_descsz : (uint32_t)sizeof(wire->build_id);
			memcpy(wire->build_id, note + sizeof(*n) + name, wire->build_id_length);
			return;
		}
		note += sizeof(*n) + name + desc;
		size -= sizeof(*n) + name + desc;
	}
}

/* The build-id note, from the ELF header that the first segment maps. */
static void find_build_id(struct wire_module *wire, const struct find_result *found)
{
	const char *base = found->map_start;
	const Elf64_Ehdr *elf = (const void *)base;
	size_t size = (size_t)((char *)found->map_end - base);
	const Elf64_Phdr *ph;
	uintptr_t at;

	if (size < sizeof(*elf) || memcmp(elf->e_ident, ELFMAG, SELFMAG) || elf->e_phentsize != sizeof(*ph) ||
	    elf->e_phoff > 4096 - sizeof(*elf) || elf->e_phoff + elf->e_phnum * sizeof(*ph) > 4096)
		return;
	ph = (const void *)(base + elf->e_phoff);
	for (unsigned i = 0; i < elf->e_phnum && !wire->build_id_length; i++) {
		at = found->link_map->l_addr + ph[i].p_vaddr;
		if (ph[i].p_type == PT_NOTE && at >= (uintptr_t)base && at + ph[i].p_memsz <= (uintptr_t)found->map_end)
			note_build_id(wire, (const char *)at, ph[i].p_memsz);
	}
}

/* What the region says of the object; its path is *path. */
static struct wire_module description(const struct find_result *found, const char **path)
{
	struct wire_module wire = {.bias = found->link_map->l_addr,
				   .start = (uintptr_t)found->map_start,
				   .end = (uintptr_t)found->map_end};

	*path = found->link_map->l_name;
	if (!*path || !**path) {
		wire.flags = MODULE_MAIN;
		*path = store->exe;
	}
	wire.path_length = (uint32_t)strnlen(*path, 4095);
	find_build_id(&wire, found);
	return wire;
}

static void enter_record(struct module *m, struct wire_module *wire, const char *path)
{
	m->record = store_record((uint32_t)(sizeof(*m->record) + wire->path_length + 1));
	if (!m->record)
		return;
	wire->id = m->id;
	m->record->module = *wire;
	memcpy(m->record->path, path, wire->path_length);
	store_ready(&m->record->record, REGION_MODULE);
}

/* The same file, loaded once more: its callsites are those it had. Told by its build-id; NULL: none. */
static struct module *loaded_before(const struct wire_module *wire, const char *path)
{
	for (uint32_t i = n_modules; i-- > 0 && wire->build_id_length;) {
		const struct region_module *old = modules[i]->record;

		if (modules[i]->unloaded && old && old->module.build_id_length == wire->build_id_length &&
		    old->module.path_length == wire->path_length &&
		    !memcmp(old->module.build_id, wire->build_id, wire->build_id_length) &&
		    !memcmp(old->path, path, wire->path_length))
			return modules[i];
	}
	return NULL;
}

static bool same_object(const struct module *m, const struct find_result *found)
{
	return !m->unloaded && m->start == (uintptr_t)found->map_start && m->end == (uintptr_t)found->map_end &&
	       m->link_map == found->link_map;
}

const struct module *module_at(uintptr_t pc)
{
	struct find_result found;
	struct wire_module wire;
	const char *path;
	struct module *m;

	if (!find_object || !modules || find_object((void *)pc, &found) || !found.link_map)
		return NULL;
	for (uint32_t i = n_modules; i-- > 0;)
		if (same_object(modules[i], &found))
			return modules[i];
	operators_look(found.link_map);
	wire = description(&found, &path);
	m = loaded_before(&wire, path);
	if (m)
		wire.id = m->id;
	else if (n_modules == MODULES - 1 || !(m = memory_take(sizeof(*m))))
		return NULL;
	m->start = (uintptr_t)found.map_start;
	m->end = (uintptr_t)found.map_end;
	m->bias = found.link_map->l_addr;
	m->eh_frame_header = found.eh_frame;
	m->link_map = found.link_map;
	m->is_loader = m->start == module_loader_start;
	m->is_libc = m->start == libc_start;
	m->unloaded = false;
	if (m->id) {
		m->record->module = wire;
		return m;
	}
	m->id = n_modules + 1;
	enter_record(m, &wire, path);
	modules[n_modules] = m;
	__atomic_store_n(&n_modules, n_modules + 1, __ATOMIC_RELEASE);
	store->n_modules = n_modules;
	return m;
}

void modules_freed(const void *block)
{
	uint32_t n = __atomic_load_n(&n_modules, __ATOMIC_ACQUIRE), i = n;
	struct rule_guard guard;

	while (i-- > 0)
		if (modules[i]->link_map == block && !modules[i]->unloaded)
			break;
	if (i == (uint32_t)-1 || !rule_lock(&guard))
		return;
	modules[i]->unloaded = true;
	if (modules[i]->record)
		modules[i]->record->module.flags |= MODULE_UNLOADED;
	rule_forget(modules[i]->start, modules[i]->end);
	process_epoch_advance();
	shards_each(stack_disown);
	rule_unlock(&guard);
}

bool module_has_libc_code(const void *code)
{
	struct find_result found;

	return libc_start && !find_object((void *)code, &found) && (uintptr_t)found.map_start == libc_start;
}

bool module_code_is_system(uintptr_t pc)
{
	struct find_result found;

	if (!find_object || find_object((void *)pc, &found))
		return true;
	return (uintptr_t)found.map_start == module_loader_start || (uintptr_t)found.map_start == libc_start;
}

static const struct module *module_by_frame(uint64_t frame)
{
	uint64_t id = frame >> FRAME_MODULE_SHIFT;

	return id && id <= __atomic_load_n(&n_modules, __ATOMIC_ACQUIRE) ? modules[id - 1] : NULL;
}

bool module_is_loader(uint64_t frame)
{
	const struct module *m = module_by_frame(frame);

	return m && m->is_loader;
}

bool module_is_libc(uint64_t frame)
{
	const struct module *m = module_by_frame(frame);

	return m && m->is_libc;
}
