/*
 * Tests of agent/modules: whose code an address is, and that code which came later at the same place is another's.
 */
#include "agent/rule.h"
#include "agent/unwind.h"
#include "tests/unit/agent/agent.h"
#include <dlfcn.h>
#include <link.h>

#define MEGABYTE (UINT64_C(1) << 20)

static const char *first_path, *second_path;

struct plugin {
	void *handle;
	struct link_map *map;
	uintptr_t code;
	const struct module *module;
};

static const struct module *module_of(uintptr_t pc)
{
	const struct module *module;
	struct rule_guard guard;

	CHECK(rule_lock(&guard));
	module = module_at(pc);
	rule_unlock(&guard);
	return module;
}

static void load(struct plugin *p, const char *path)
{
	p->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!p->handle || dlinfo(p->handle, RTLD_DI_LINKMAP, &p->map))
		abort();
	p->code = (uintptr_t)dlsym(p->handle, "plugin_call") + 4;
	p->module = module_of(p->code);
}

/* As the loader does it: the object goes, then its link map is freed, which a hook sees. */
static void unload(const struct plugin *p)
{
	dlclose(p->handle);
	modules_freed(p->map);
}

static void begin(void)
{
	agent_begin(16 * MEGABYTE);
	memcpy(store->exe, "/a/test", 8);
	CHECK(unwind_init());
}

static void test_plugin(void)
{
	struct plugin p;
	const struct wire_module *wire;

	begin();
	load(&p, first_path);
	CHECK(p.module != NULL && p.module->record != NULL);
	CHECK(p.module->id >= 1 && p.module->id <= store->n_modules);
	CHECK_EQ(p.module->bias, p.map->l_addr);
	CHECK(p.module->start <= p.code && p.code < p.module->end);
	CHECK(p.module->link_map == p.map);
	CHECK(!p.module->is_libc && !p.module->is_loader && !p.module->unloaded);
	CHECK(p.module->eh_frame_header != NULL);
	CHECK(module_of(p.code) == p.module);
	CHECK(module_of((uintptr_t)dlsym(p.handle, "plugin_number")) == p.module);
	CHECK_EQ(module_frame(p.module, p.code), (uint64_t)p.module->id << 48 | (p.code - p.map->l_addr));
	wire = &p.module->record->module;
	CHECK_EQ(p.module->record->record.kind, REGION_MODULE);
	CHECK_EQ(wire->id, p.module->id);
	CHECK_EQ(wire->bias, p.map->l_addr);
	CHECK_EQ(wire->start, p.module->start);
	CHECK_EQ(wire->end, p.module->end);
	CHECK_EQ(wire->flags, 0);
	CHECK_EQ(wire->path_length, strlen(p.map->l_name));
	CHECK(!memcmp(p.module->record->path, p.map->l_name, wire->path_length));
	CHECK_EQ(wire->build_id_length, 20);
}

/* The id that the linker wrote, found by the file's section rather than by its program headers. */
static void test_build_id(void)
{
	struct plugin a, b;

	begin();
	load(&a, first_path);
	load(&b, second_path);
	CHECK(a.module->id != b.module->id);
	CHECK(memcmp(a.module->record->module.build_id, b.module->record->module.build_id, 20) != 0);
	for (unsigned i = 0, n = 0; i < 20; i++) {
		n += a.module->record->module.build_id[i] != 0;
		CHECK(i < 19 || n > 8);
	}
}

static void test_known_ones(void)
{
	const struct module *main_module, *libc, *loader;
	uintptr_t loader_code = (uintptr_t)dlsym(RTLD_DEFAULT, "__tls_get_addr");
	static int data;

	begin();
	main_module = module_of((uintptr_t)test_known_ones);
	libc = module_of((uintptr_t)&qsort);
	loader = module_of(loader_code);
	CHECK(main_module && libc && loader && main_module != libc && libc != loader);
	CHECK(main_module->record->module.flags == MODULE_MAIN);
	CHECK_EQ(main_module->record->module.path_length, 7);
	CHECK(!memcmp(main_module->record->path, "/a/test", 7));
	CHECK(libc->is_libc && !libc->is_loader && loader->is_loader && !loader->is_libc);
	CHECK(!main_module->is_libc && !main_module->is_loader);
	CHECK(module_is_libc(module_frame(libc, (uintptr_t)&qsort)));
	CHECK(!module_is_loader(module_frame(libc, (uintptr_t)&qsort)));
	CHECK(module_is_loader(module_frame(loader, loader_code)));
	CHECK(!module_is_libc(module_frame(main_module, (uintptr_t)test_known_ones)));
	CHECK(!module_is_libc(4711) && !module_is_loader(4711)); /* no module's */
	CHECK(!module_is_libc(UINT64_MAX) && !module_is_loader(UINT64_MAX));
	CHECK(module_code_is_system((uintptr_t)&qsort) && module_code_is_system(loader_code));
	CHECK(!module_code_is_system((uintptr_t)test_known_ones));
	CHECK(module_has_libc_code((void *)&qsort) && !module_has_libc_code((void *)test_known_ones));
	CHECK(!module_has_libc_code(&loader) && module_of((uintptr_t)&loader) == NULL);
	CHECK(module_of((uintptr_t)&data) == main_module);
	CHECK(module_of(0) == NULL && module_of(UINTPTR_MAX) == NULL && module_of((uintptr_t)store) == NULL);
	CHECK_EQ(store->n_modules, 3);
}

static void test_unloaded(void)
{
	struct plugin old, new;
	const struct rule *rule;
	uint32_t epoch;
	bool same_place = false;

	begin();
	for (int i = 0; i < 20; i++) {
		load(&old, first_path);
		CHECK(rule_learn(old.code) != NULL);
		CHECK(rule_learn((uintptr_t)&qsort + 40) != NULL);
		epoch = process_epoch();
		unload(&old);
		CHECK(old.module->unloaded);
		CHECK(old.module->record->module.flags & MODULE_UNLOADED);
		CHECK(process_epoch() != epoch); /* threads look once */
		CHECK(rule_find(old.code) == NULL);
		CHECK(rule_find((uintptr_t)&qsort + 40) != NULL);
		load(&new, second_path);
		same_place |= new.code == old.code;
		CHECK(new.module->id != old.module->id && !new.module->unloaded);
		CHECK(!(new.module->record->module.flags &MODULE_UNLOADED));
		rule = rule_learn(new.code);
		CHECK(rule && rule->frame >> FRAME_MODULE_SHIFT == new.module->id);
		unload(&new);
	}
	CHECK(same_place);	       /* else this shows nothing */
	CHECK_EQ(store->n_modules, 3); /* twenty loads of a file are one module: its callsites stay what they are */
}

static void test_other_blocks(void)
{
	void *block = malloc(100);
	struct plugin p;
	uint32_t epoch;

	begin();
	modules_freed(block); /* there is no module yet */
	load(&p, first_path);
	epoch = process_epoch();
	modules_freed(block);
	modules_freed(NULL);
	modules_freed((char *)p.map + 16);
	CHECK(!p.module->unloaded);
	CHECK_EQ(process_epoch(), epoch);
	CHECK(module_of(p.code) == p.module);
	unload(&p);
	epoch = process_epoch();
	modules_freed(p.map); /* a second time it is some other block */
	CHECK_EQ(process_epoch(), epoch);
}

/* The region has no room for its description: its frames still have a module of their own. */
static void test_region_full(void)
{
	struct plugin p;

	agent_begin(MEGABYTE);
	while (store_record(64))
		;
	load(&p, first_path);
	CHECK(p.module && p.module->record == NULL && p.module->id == 1);
	CHECK(store->agent.lost & LOST_REGION_FULL);
	unload(&p);
	CHECK(p.module->unloaded);
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 77;
	first_path = argv[1];
	second_path = argv[2];
	CASE(test_plugin);
	CASE(test_build_id);
	CASE(test_known_ones);
	CASE(test_unloaded);
	CASE(test_other_blocks);
	CASE(test_region_full);
	return check_result();
}
