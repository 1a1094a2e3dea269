/*
 * Tests of analyzer/symbolize: return addresses seen in a shared object become the functions and lines its source says;
 * files that are gone, changed or stripped are named as such, never misread.
 *
 * Arguments: fixtures/stacks.c built with debug information, with symbols alone, stripped, another variant of it, and
 * one without build-id.
 */
#include "analyzer/symbolize.h"
#include "tests/unit/analyzer/sample.h"
#include "tests/unit/check.h"
#include <sys/stat.h>

static struct process process = {.stream = 1, .cwd = (char *)"/", .exe = (char *)"/bin/none"};
static struct symbolizer *symbolizer;
static const struct symbol *symbols;
static uint64_t seen; /* the return address of the callback */

static __attribute__((noinline)) int see(int n)
{
	seen = (uintptr_t)__builtin_return_address(0);
	return n;
}

/* Where in the file the function of this name calls back; the address it returns to, as linked. */
static uint64_t return_address(const char *path, const char *name, bool is_hidden)
{
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	void *function;
	struct link_map *map;

	if (!handle || dlinfo(handle, RTLD_DI_LINKMAP, &map) != 0)
		return 0;
	function = dlsym(handle, name);
	if (is_hidden)
		function = ((void *(*)(void))function)();
	((int (*)(int (*)(int), int))function)(see, 1);
	return seen - map->l_addr;
}

static unsigned look(uint32_t module, uint64_t address)
{
	return symbolize(symbolizer, &process, FRAME(module, address), &symbols);
}

static const char *name_of(const struct symbol *symbol)
{
	return symbol->function ? symbol->function : "(none)";
}

static const char *file_of(const struct symbol *symbol)
{
	const char *slash = symbol->file ? strrchr(symbol->file, '/') : NULL;

	return !symbol->file ? "(none)" : slash ? slash + 1 : symbol->file;
}

static void test_inlined(const char *path)
{
	uint32_t module = sample_module(&process, path, path);
	uint64_t start = sample_function(path, "stacks_outer", NULL);
	uint64_t address = return_address(path, "stacks_outer", false);
	static const struct {
		const char *name;
		uint32_t line;
		bool inlined;
	} frames[] = {{"stacks_inner", 102, true}, {"stacks_middle", 152, true}, {"stacks_outer", 202, false}};
	const struct symbol *again;

	CHECK(address > start);
	CHECK_EQ(look(module, address), 3);
	for (unsigned i = 0; i < 3; i++) {
		CHECK_TEXT(name_of(&symbols[i]), frames[i].name);
		CHECK_TEXT(file_of(&symbols[i]), "stacks.c");
		CHECK_EQ(symbols[i].line, frames[i].line);
		CHECK_EQ(symbols[i].inlined, frames[i].inlined);
		CHECK_EQ(symbols[i].quality, SYMBOL_EXACT);
	}
	CHECK_EQ(symbols[2].function_offset, address - start);
	CHECK(symbols[0].file[0] == '/');
	again = symbols;
	CHECK_EQ(look(module, address), 3);
	CHECK(symbols == again); /* from the cache */
	CHECK(symbolizer_complaint(symbolizer, &process, module) == NULL);
}

static void test_names_and_ends(const char *path)
{
	uint32_t module = sample_module(&process, path, path);
	uint64_t size, start;

	CHECK_EQ(look(module, return_address(path, "_ZN3app5cache3getEi", false)), 1);
	CHECK_TEXT(name_of(symbols), "app::cache::get(int)");
	CHECK_TEXT(symbols->linkage, "_ZN3app5cache3getEi");
	CHECK_EQ(symbols->line, 302);
	/* A call that does not return is the last thing in a function; what follows is another one. */
	start = sample_function(path, "stacks_ends_in_call", &size);
	CHECK(start > 0);
	CHECK_EQ(look(module, start + size), 1);
	CHECK_TEXT(name_of(symbols), "stacks_ends_in_call");
	CHECK_EQ(symbols->line, 402);
	CHECK_EQ(look(module, return_address(path, "stacks_hidden_address", true)), 1);
	CHECK_TEXT(name_of(symbols), "stacks_hidden");
}

static void test_symbols_alone(const char *path)
{
	uint32_t module = sample_module(&process, path, path);
	uint64_t start = sample_function(path, "stacks_outer", NULL);

	CHECK_EQ(look(module, start + 4), 1);
	CHECK_TEXT(name_of(symbols), "stacks_outer");
	CHECK_EQ(symbols->function_offset, 4);
	CHECK_EQ(symbols->quality, SYMBOL_EXACT);
	CHECK(symbols->file == NULL && symbols->line == 0);
	CHECK_EQ(look(module, return_address(path, "stacks_hidden_address", true)), 1);
	CHECK_TEXT(name_of(symbols), "stacks_hidden");
	CHECK_EQ(symbols->quality, SYMBOL_EXACT);
	CHECK_EQ(look(module, return_address(path, "_ZN3app5cache3getEi", false)), 1);
	CHECK_TEXT(name_of(symbols), "app::cache::get(int)");
}

static void test_stripped(const char *path)
{
	uint32_t module = sample_module(&process, path, path);
	uint64_t start = sample_function(path, "stacks_outer", NULL), address;

	CHECK_EQ(look(module, start + 4), 1);
	CHECK_TEXT(name_of(symbols), "stacks_outer");
	CHECK_EQ(symbols->quality, SYMBOL_EXACT);
	CHECK_EQ(symbols->function_offset, 4);
	/* The local function has no symbol: that of the function before it is a guess, and marked so. */
	address = return_address(path, "stacks_hidden_address", true);
	CHECK_EQ(look(module, address), 1);
	CHECK_EQ(symbols->quality, SYMBOL_NEAREST);
	CHECK(symbols->function != NULL && strcmp(symbols->function, "stacks_hidden") != 0);
	CHECK_EQ(symbols->function_offset, address - sample_function(path, symbols->linkage, NULL));
	CHECK(symbolizer_complaint(symbolizer, &process, module) == NULL);
	/* Data, and before the first function. */
	CHECK_EQ(look(module, 2), 1);
	CHECK(symbols->function == NULL);
	CHECK_EQ(symbols->quality, SYMBOL_NONE);
}

static void check_unnamed(uint32_t module, uint64_t address, const char *complaint)
{
	const char *said = symbolizer_complaint(symbolizer, &process, module);

	CHECK_EQ(look(module, address), 1);
	CHECK(symbols->function == NULL && symbols->file == NULL);
	CHECK_EQ(symbols->quality, SYMBOL_NONE);
	CHECK_TEXT(said ? said : "(none)", complaint);
}

static void test_complaints(const char *path, const char *other, const char *without)
{
	uint64_t address = return_address(path, "stacks_outer", false);
	uint32_t module;
	struct stat st;

	check_unnamed(sample_module(&process, path, other), address, "changed since the recording");
	check_unnamed(sample_module(&process, "/nowhere/lib.so", path), address, "no such file");
	check_unnamed(sample_module(&process, "/nowhere/old.so (deleted)", path), address,
		      "deleted since it was loaded");
	check_unnamed(sample_module(&process, "/dev/zero", path), address, "not an object file");
	check_unnamed(sample_module(&process, "/etc/passwd", path), address, "not an object file");
	check_unnamed(sample_module(&process, "[vdso]", NULL), address, "(none)");
	check_unnamed(sample_module(&process, "linux-vdso.so.1", NULL), address, "(none)");
	check_unnamed(0, address, "(none)");
	check_unnamed(9999, address, "(none)");
	/* Replaced by the same file: nothing to complain about. */
	module = sample_module(&process, "", path);
	sample_text(&process.modules[module].path, path);
	process.modules[module].path = realloc(process.modules[module].path, strlen(path) + 20);
	strcat(process.modules[module].path, " (deleted)");
	CHECK_EQ(look(module, address), 3);
	/* Without build-ids the time of the last change has to do. */
	CHECK_EQ(stat(without, &st), 0);
	process.wire.start_realtime_ns = (st.st_mtim.tv_sec + 100) * UINT64_C(1000000000);
	address = return_address(without, "stacks_outer", false);
	CHECK_EQ(look(sample_module(&process, without, without), address), 3);
	symbolizer_free(symbolizer);
	symbolizer = symbolizer_new(false, NULL);
	process.wire.start_realtime_ns = (st.st_mtim.tv_sec - 100) * UINT64_C(1000000000);
	check_unnamed(sample_module(&process, without, without), address, "changed since the recording");
}

static void test_relative_and_main(const char *path)
{
	uint64_t address = return_address(path, "stacks_outer", false);
	char *directory = strdup(path);
	uint32_t module;

	*strrchr(directory, '/') = '\0';
	process.cwd = directory;
	module = sample_module(&process, strrchr(path, '/') + 1, path);
	CHECK_EQ(look(module, address), 3);
	process.exe = (char *)path;
	module = sample_module(&process, "", path);
	process.modules[module].wire.flags = MODULE_MAIN;
	CHECK_EQ(look(module, address), 3);
	process.cwd = (char *)"/";
	process.exe = (char *)"/bin/none";
	free(directory);
}

static int run(const char *format, const char *directory, const char *path)
{
	char command[4096];

	snprintf(command, sizeof(command), format, directory, path);
	return system(command);
}

/* A debug file installed under a sysroot, by build-id: for the stripped program, and when that is gone altogether. */
static void test_separate_debug_file(const char *path)
{
	char root[] = "/tmp/unit-symbolize-XXXXXX", hex[65] = "", command[1024];
	uint64_t address = return_address(path, "stacks_outer", false);
	uint32_t module = sample_module(&process, "/program", path);
	const struct module *m = &process.modules[module];

	if (!mkdtemp(root) || run("cp '%2$s' '%1$s/program' && objcopy --strip-all '%1$s/program'", root, path) != 0) {
		printf("no objcopy: separate debug files are not tested\n");
		return;
	}
	for (uint32_t i = 0; i < m->wire.build_id_length; i++)
		snprintf(hex + 2 * i, 3, "%02x", m->wire.build_id[i]);
	snprintf(command, sizeof(command),
		 "d='%%1$s/usr/lib/debug/.build-id/%.2s'; mkdir -p \"$d\"; objcopy --only-keep-debug '%%2$s' "
		 "\"$d/%s.debug\"",
		 hex, hex + 2);
	CHECK_EQ(run(command, root, path), 0);
	symbolizer_free(symbolizer);
	symbolizer = symbolizer_new(false, root);
	CHECK_EQ(look(module, address), 3);
	CHECK_TEXT(name_of(symbols), "stacks_inner");
	CHECK_EQ(run("rm '%s/program'", root, NULL), 0);
	symbolizer_free(symbolizer);
	symbolizer = symbolizer_new(false, root);
	CHECK_EQ(look(module, address), 3);
	CHECK(symbolizer_complaint(symbolizer, &process, module) == NULL);
	CHECK_EQ(run("rm -r '%s'", root, NULL), 0);
	symbolizer_free(symbolizer);
	symbolizer = symbolizer_new(false, NULL);
}

int main(int argc, char **argv)
{
	if (argc < 6)
		return 1;
	sample_absolute(argc, argv);
	symbolizer = symbolizer_new(false, NULL);
	process.wire.start_realtime_ns = UINT64_MAX;
	setenv("DEBUGINFOD_URLS", "file:///nowhere", 1);
	test_inlined(argv[1]);
	test_names_and_ends(argv[1]);
	test_symbols_alone(argv[2]);
	test_stripped(argv[3]);
	test_relative_and_main(argv[1]);
	test_separate_debug_file(argv[1]);
	test_complaints(argv[1], argv[4], argv[5]);
	CHECK_TEXT(getenv("DEBUGINFOD_URLS"), "file:///nowhere");
	symbolizer_free(symbolizer);
	return check_result();
}
