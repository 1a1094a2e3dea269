/*
 * Operators. See operators.h.
 */
#include "agent/operators.h"
#include "agent/modules.h"
#include "agent/process.h"
#include "agent/real.h"
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdint.h>
#include <string.h>

static const struct link_map *theirs; /* the allocator that has operators; NULL: they pass through malloc */

static const struct link_map *object_of(const void *code)
{
	struct link_map *object = NULL;
	Dl_info info;

	return code && dladdr1(code, &info, (void **)&object, RTLD_DL_LINKMAP) ? object : NULL;
}

/* The loader has relocated most of these in place, but not the vdso's. */
static const void *at(uintptr_t bias, uint64_t address)
{
	return (const void *)(address < bias ? bias + address : address);
}

/* What an object needs from others stands first in its table of symbols, before those that the hash has. */
static bool imports_operators(uintptr_t bias, const Elf64_Dyn *dynamic)
{
	const Elf64_Sym *symbols = NULL;
	const uint32_t *hash = NULL;
	const char *names = NULL;

	for (const Elf64_Dyn *d = dynamic; d->d_tag != DT_NULL; d++) {
		if (d->d_tag == DT_SYMTAB)
			symbols = at(bias, d->d_un.d_ptr);
		else if (d->d_tag == DT_STRTAB)
			names = at(bias, d->d_un.d_ptr);
		else if (d->d_tag == DT_GNU_HASH)
			hash = at(bias, d->d_un.d_ptr);
	}
	if (!symbols || !names || !hash)
		return false;
	for (uint32_t i = 1; i < hash[1]; i++) {
		const char *name = names + symbols[i].st_name;

		if (symbols[i].st_shndx == SHN_UNDEF && (!strncmp(name, "_Znw", 4) || !strncmp(name, "_Zna", 4)))
			return true;
	}
	return false;
}

/* libstdc++ has uses of its own, which count only where somebody else brought it in for C++. */
static bool is_cxx_library(const char *path)
{
	return path && strstr(path, "/libstdc++.so");
}

void operators_look(const struct link_map *object)
{
	if (!theirs || !object->l_ld || object == theirs || is_cxx_library(object->l_name))
		return;
	if (imports_operators(object->l_addr, object->l_ld))
		process_lost(LOST_OPERATORS);
}

void operators_init(void)
{
	const struct link_map *allocator = object_of(*(void **)&real.malloc), *first = allocator;

	/* The C library has none; and a miss of dlsym's leaves a message in the host's heap. */
	if (!allocator || module_has_libc_code(*(void **)&real.malloc) ||
	    object_of(dlsym(RTLD_DEFAULT, "_Znwm")) != allocator)
		return;
	theirs = allocator;
	while (first->l_prev)
		first = first->l_prev;
	for (const struct link_map *object = first; object; object = object->l_next)
		operators_look(object);
}
