/*
 * ELF facts -- read with libelf, which bounds every access to a damaged file.
 */
#include "analyzer/elffile.h"
#include <errno.h>
#include <gelf.h>
#include <string.h>
#include <unistd.h>

static const char *machine_name(unsigned machine, unsigned class)
{
	switch (machine) {
	case EM_X86_64:
		return class == ELFCLASS32 ? "x32" : "x86-64";
	case EM_386:
		return "32-bit x86";
	case EM_AARCH64:
		return "arm64";
	case EM_ARM:
		return "32-bit arm";
	case EM_RISCV:
		return "riscv";
	case EM_PPC64:
		return "ppc64";
	case EM_S390:
		return "s390";
	default:
		return "another machine";
	}
}

static const char *sanitizer_of(const char *symbol)
{
	static const char *const table[][2] = {
		{"__asan_init", "AddressSanitizer"}, {"__tsan_init", "ThreadSanitizer"},
		{"__msan_init", "MemorySanitizer"},  {"__hwasan_init", "HWAddressSanitizer"},
		{"__lsan_init", "LeakSanitizer"},
	};

	for (unsigned i = 0; i < sizeof(table) / sizeof(*table); i++)
		if (strcmp(symbol, table[i][0]) == 0)
			return table[i][1];
	return NULL;
}

static void read_interpreter(Elf *elf, int fd, struct elf_facts *facts)
{
	GElf_Phdr header;
	size_t n = 0;

	if (elf_getphdrnum(elf, &n) < 0)
		return;
	for (size_t i = 0; i < n; i++) {
		size_t length;

		if (!gelf_getphdr(elf, (int)i, &header) || header.p_type != PT_INTERP)
			continue;
		length =
			header.p_filesz < sizeof(facts->interpreter) ? header.p_filesz : sizeof(facts->interpreter) - 1;
		if (pread(fd, facts->interpreter, length, (off_t)header.p_offset) < 0)
			facts->interpreter[0] = '\0';
		facts->interpreter[sizeof(facts->interpreter) - 1] = '\0';
		return;
	}
}

static void read_symbol(const char *name, const GElf_Sym *symbol, bool dynamic, struct elf_facts *facts)
{
	/* A program may ask for a weak symbol's address to see whether a sanitizer is there. */
	if (!facts->sanitizer && (symbol->st_shndx != SHN_UNDEF || GELF_ST_BIND(symbol->st_info) != STB_WEAK))
		facts->sanitizer = sanitizer_of(name);
	if (dynamic && symbol->st_shndx != SHN_UNDEF && strcmp(name, "malloc") == 0)
		facts->own_malloc = true;
}

static void read_symbols(Elf *elf, Elf_Scn *section, const GElf_Shdr *header, struct elf_facts *facts)
{
	Elf_Data *data = elf_getdata(section, NULL);
	size_t n = data && header->sh_entsize ? header->sh_size / header->sh_entsize : 0;

	for (size_t i = 0; i < n; i++) {
		GElf_Sym symbol;
		const char *name;

		if (!gelf_getsym(data, (int)i, &symbol))
			return;
		name = elf_strptr(elf, header->sh_link, symbol.st_name);
		if (name)
			read_symbol(name, &symbol, header->sh_type == SHT_DYNSYM, facts);
	}
}

static void read_dynamic(Elf *elf, Elf_Scn *section, const GElf_Shdr *header, struct elf_facts *facts)
{
	Elf_Data *data = elf_getdata(section, NULL);
	size_t n = data && header->sh_entsize ? header->sh_size / header->sh_entsize : 0;

	for (size_t i = 0; i < n; i++) {
		GElf_Dyn entry;
		const char *name;

		if (!gelf_getdyn(data, (int)i, &entry))
			return;
		if (entry.d_tag != DT_SONAME && entry.d_tag != DT_NEEDED)
			continue;
		name = elf_strptr(elf, header->sh_link, entry.d_un.d_val);
		if (name && entry.d_tag == DT_SONAME)
			facts->loader = strncmp(name, "ld-", 3) == 0;
		else if (name && (strncmp(name, "libasan.so", 10) == 0 || strncmp(name, "libclang_rt.asan", 16) == 0))
			facts->runtime_first = true;
	}
}

int elf_read_facts(int fd, struct elf_facts *facts)
{
	Elf_Scn *section = NULL;
	GElf_Ehdr header;
	Elf *elf;

	memset(facts, 0, sizeof(*facts));
	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!elf || elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &header)) {
		elf_end(elf);
		return -ENOEXEC;
	}
	facts->machine = header.e_machine;
	facts->class = header.e_ident[EI_CLASS];
	facts->machine_name = machine_name(facts->machine, facts->class);
	read_interpreter(elf, fd, facts);
	while ((section = elf_nextscn(elf, section))) {
		GElf_Shdr described;

		if (!gelf_getshdr(section, &described))
			continue;
		if (described.sh_type == SHT_DYNSYM || described.sh_type == SHT_SYMTAB)
			read_symbols(elf, section, &described, facts);
		else if (described.sh_type == SHT_DYNAMIC)
			read_dynamic(elf, section, &described, facts);
	}
	elf_end(elf);
	return 0;
}
