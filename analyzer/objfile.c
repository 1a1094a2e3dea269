/*
 * Object files -- see objfile.h. libdwfl finds the debug files (build-id, .gnu_debuglink, dwz's common
 * file); symbols and units are indexed here, at the first look-up, as libdwfl searches them one by one.
 */
#include "analyzer/objfile.h"
#include "analyzer/ranges.h"
#include <elfutils/libdwfl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct objfile {
	Dwfl *dwfl;
	Dwfl_Module *module;
	Dwfl_Callbacks callbacks;
	char *debug_path;
	uint64_t bias;	     /* libdwfl's address minus link address */
	uint64_t dwarf_bias; /* libdwfl's address minus that in the debug information */
	bool symbols_read, debuginfo_read, all_symbols;
	struct objfile_symbol *symbols;
	size_t n_symbols;
	struct ranges addresses; /* into symbols */
	struct debuginfo *debuginfo;
};

/* The standard search, kept off the network: libdwfl asks servers whenever the variable is set. */
static int find_debuginfo_here(Dwfl_Module *module, void **userdata, const char *name, Dwarf_Addr base,
			       const char *file, const char *link, GElf_Word crc, char **debug_file)
{
	const char *set = getenv("DEBUGINFOD_URLS");
	char *urls = set ? strdup(set) : NULL;
	int fd;

	if (set && !urls)
		return -1;
	unsetenv("DEBUGINFOD_URLS");
	fd = dwfl_standard_find_debuginfo(module, userdata, name, base, file, link, crc, debug_file);
	if (urls)
		setenv("DEBUGINFOD_URLS", urls, 1);
	free(urls);
	return fd;
}

void objfile_free(struct objfile *file)
{
	if (!file)
		return;
	debuginfo_free(file->debuginfo);
	if (file->dwfl)
		dwfl_end(file->dwfl);
	ranges_fini(&file->addresses);
	free(file->symbols);
	free(file->debug_path);
	free(file);
}

static struct objfile *objfile_new(const struct objfile_wanted *wanted)
{
	struct objfile *file = calloc(1, sizeof(*file));

	if (!file)
		return NULL;
	file->callbacks.find_debuginfo = wanted->debuginfod ? dwfl_standard_find_debuginfo : find_debuginfo_here;
	file->callbacks.section_address = dwfl_offline_section_address;
	if (wanted->sysroot && asprintf(&file->debug_path, ":.debug:%s/usr/lib/debug", wanted->sysroot) < 0) {
		file->debug_path = NULL;
		objfile_free(file);
		return NULL;
	}
	file->callbacks.debuginfo_path = wanted->sysroot ? &file->debug_path : NULL;
	file->dwfl = dwfl_begin(&file->callbacks);
	if (!file->dwfl) {
		objfile_free(file);
		return NULL;
	}
	return file;
}

/* Takes the descriptor over. */
static int report_file(struct objfile *file, const char *path, int fd)
{
	GElf_Addr bias;

	dwfl_report_begin(file->dwfl);
	file->module = dwfl_report_offline(file->dwfl, path, path, fd);
	if (!file->module) {
		close(fd);
		return -ENOEXEC;
	}
	if (dwfl_report_end(file->dwfl, NULL, NULL) != 0 || !dwfl_module_getelf(file->module, &bias))
		return -ENOEXEC;
	file->bias = bias;
	return 0;
}

static bool is_wanted(struct objfile *file, const struct objfile_wanted *wanted, const struct stat *st)
{
	const unsigned char *bits = NULL;
	GElf_Addr address;
	int length = dwfl_module_build_id(file->module, &bits, &address);

	if (!wanted->build_id || wanted->build_id_length == 0)
		return wanted->not_after == 0 || st->st_mtim.tv_sec < 0 || st->st_mtim.tv_sec <= wanted->not_after;
	/* The agent keeps the first bytes of a very long one. */
	return length >= 0 && (size_t)length >= wanted->build_id_length &&
	       memcmp(bits, wanted->build_id, wanted->build_id_length) == 0;
}

static int open_path(struct objfile **out, const char *path, const struct objfile_wanted *wanted)
{
	struct objfile *file;
	struct stat st;
	int r, fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return -ENOEXEC;
	}
	file = objfile_new(wanted);
	if (!file) {
		close(fd);
		return -ENOMEM;
	}
	r = report_file(file, path, fd);
	if (r == 0 && !is_wanted(file, wanted, &st))
		r = -ESTALE;
	if (r < 0) {
		objfile_free(file);
		return r;
	}
	*out = file;
	return 0;
}

static int open_debug_file(struct objfile **out, const struct objfile_wanted *wanted)
{
	char hex[2 * 64 + 1], *path;
	int r;

	if (!wanted->build_id || wanted->build_id_length < 2 || wanted->build_id_length > 64)
		return -ENOENT;
	for (size_t i = 0; i < wanted->build_id_length; i++)
		snprintf(&hex[2 * i], 3, "%02x", wanted->build_id[i]);
	if (asprintf(&path, "%s/usr/lib/debug/.build-id/%.2s/%s.debug", wanted->sysroot ? wanted->sysroot : "", hex,
		     hex + 2) < 0)
		return -ENOMEM;
	r = open_path(out, path, wanted);
	free(path);
	return r;
}

int objfile_open(struct objfile **out, const struct objfile_wanted *wanted)
{
	int r = open_path(out, wanted->path, wanted);

	if (r < 0 && open_debug_file(out, wanted) == 0)
		return 0;
	return r;
}

static bool is_function(const GElf_Sym *symbol, GElf_Word section, const char *name)
{
	unsigned type = GELF_ST_TYPE(symbol->st_info);

	return section != SHN_UNDEF && name && name[0] && (type == STT_FUNC || type == STT_GNU_IFUNC);
}

static unsigned binding_rank(const GElf_Sym *symbol)
{
	switch (GELF_ST_BIND(symbol->st_info)) {
	case STB_GLOBAL:
		return 0;
	case STB_WEAK:
		return 1;
	default:
		return 2;
	}
}

static void add_symbol(struct objfile *file, int index, unsigned rank)
{
	GElf_Sym symbol;
	GElf_Addr address;
	GElf_Word section;
	const char *name = dwfl_module_getsym_info(file->module, index, &symbol, &address, &section, NULL, NULL);
	uint64_t start = address - file->bias;

	if (!name || !is_function(&symbol, section, name))
		return;
	if (GELF_ST_BIND(symbol.st_info) == STB_LOCAL)
		file->all_symbols = true;
	if (binding_rank(&symbol) != rank ||
	    !ranges_add(&file->addresses, start, start + (symbol.st_size ? symbol.st_size : 1), file->n_symbols))
		return;
	file->symbols[file->n_symbols++] =
		(struct objfile_symbol){.name = name, .start = start, .size = symbol.st_size};
}

/* Of several names for one address the last added is found: local ones first, global ones last. */
static void read_symbols(struct objfile *file)
{
	int n = dwfl_module_getsymtab(file->module);

	file->symbols_read = true;
	if (n <= 0)
		return;
	file->symbols = calloc(n, sizeof(*file->symbols));
	if (!file->symbols)
		return;
	for (int rank = 2; rank >= 0; rank--)
		for (int i = 1; i < n; i++)
			add_symbol(file, i, rank);
	ranges_sort(&file->addresses);
}

/* The code section that holds the address, 0 if none: a symbol of another one says nothing about it. */
static uint32_t section_of(struct objfile *file, uint64_t address)
{
	GElf_Addr bias;
	Elf *elf = dwfl_module_getelf(file->module, &bias);
	Elf_Scn *section = NULL;
	GElf_Shdr header;

	while (elf && (section = elf_nextscn(elf, section)))
		if (gelf_getshdr(section, &header) && (header.sh_flags & SHF_EXECINSTR) && address >= header.sh_addr &&
		    address - header.sh_addr < header.sh_size)
			return elf_ndxscn(section);
	return 0;
}

bool objfile_symbol(struct objfile *file, uint64_t address, struct objfile_symbol *symbol)
{
	const struct range *range;

	if (!file->symbols_read)
		read_symbols(file);
	range = ranges_find(&file->addresses, address);
	if (!range)
		range = ranges_before(&file->addresses, address);
	if (!range)
		return false;
	*symbol = file->symbols[range->index];
	symbol->covers = symbol->size ? address - symbol->start < symbol->size : true;
	if (!symbol->covers || !symbol->size)
		return section_of(file, symbol->start) == section_of(file, address);
	return true;
}

bool objfile_has_all_symbols(struct objfile *file)
{
	if (!file->symbols_read)
		read_symbols(file);
	return file->all_symbols;
}

static void read_debuginfo(struct objfile *file)
{
	Dwarf_Addr bias;
	Dwarf *dwarf = dwfl_module_getdwarf(file->module, &bias);

	file->debuginfo_read = true;
	if (!dwarf)
		return;
	file->dwarf_bias = bias;
	file->debuginfo = debuginfo_new(dwarf);
}

unsigned objfile_find(struct objfile *file, uint64_t address, struct source_frame frames[DEBUGINFO_FRAMES])
{
	unsigned n;

	if (!file->debuginfo_read)
		read_debuginfo(file);
	if (!file->debuginfo)
		return 0;
	n = debuginfo_find(file->debuginfo, address + file->bias - file->dwarf_bias, frames);
	if (n && frames[n - 1].entry)
		frames[n - 1].entry += file->dwarf_bias - file->bias;
	return n;
}
