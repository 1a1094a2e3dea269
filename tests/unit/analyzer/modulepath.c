/*
 * Tests of analyzer/modulepath: what the loader said becomes a path that can be opened; source paths are tidied.
 */
#include "analyzer/modulepath.h"
#include "tests/unit/check.h"
#include <stdlib.h>

static void test_module_path(void)
{
	static const struct {
		const char *path, *sysroot, *result;
		bool main, deleted, pseudo;
	} cases[] = {
		{"/usr/lib/x.so", NULL, "/usr/lib/x.so", false, false, false},
		{"/usr/lib/x.so", "/root", "/root/usr/lib/x.so", false, false, false},
		{"lib/x.so", NULL, "/work dir/lib/x.so", false, false, false},
		{"./x", "/root", "/root/work dir/./x", false, false, false},
		{"/tmp/x (deleted)", NULL, "/tmp/x", false, true, false},
		{"/tmp/ (deleted)x", NULL, "/tmp/ (deleted)x", false, false, false},
		{"", NULL, "/bin/exe", true, false, false},
		{"", NULL, "", false, false, true},
		{"[vdso]", "/root", "[vdso]", false, false, true},
		{"linux-vdso.so.1", NULL, "linux-vdso.so.1", false, false, true},
	};
	struct process process = {.exe = (char *)"/bin/exe", .cwd = (char *)"/work dir"};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct module module = {.path = (char *)cases[i].path, .wire.flags = cases[i].main ? MODULE_MAIN : 0};
		bool deleted, pseudo;
		char *path = module_path(&process, &module, cases[i].sysroot, &deleted, &pseudo);

		CHECK_TEXT(path, cases[i].result);
		CHECK_EQ(deleted, cases[i].deleted);
		CHECK_EQ(pseudo, cases[i].pseudo);
		free(path);
	}
}

static void test_agent(void)
{
	static const struct {
		const char *path;
		bool agent;
	} cases[] = {
		{"/usr/lib/libguard.so", true},	      {"libguard.so", true},
		{"/x/libguard.so.0", true},	      {"/x/libguard.so (deleted)", true},
		{"/x/libguard.so-notes/y.so", false}, {"/x/libguardian.so", false},
		{"/x/mylibguard.so", false},	      {"", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct module module = {.path = (char *)cases[i].path};

		CHECK_EQ(module_is_agent(&module), cases[i].agent);
	}
	CHECK_EQ(module_is_agent(&(struct module){0}), false);
}

static void test_tidy(void)
{
	static const struct {
		const char *directory, *path, *result;
	} cases[] = {
		{NULL, "/a/b.c", "/a/b.c"},	  {"/d", "/a/b.c", "/a/b.c"},
		{"/d/e", "b.c", "/d/e/b.c"},	  {"/d/e", "../src/b.c", "/d/src/b.c"},
		{"/d", "../../b.c", "/../b.c"},	  {"./d", "x/b.c", "x/b.c"},
		{NULL, "./x/./b.c", "x/b.c"},	  {NULL, "x/../b.c", "b.c"},
		{NULL, "../x/../b.c", "../b.c"},  {NULL, "../../b.c", "../../b.c"},
		{NULL, "x/../../b.c", "../b.c"},  {NULL, "/a//b/", "/a/b"},
		{NULL, "/a/..b/.c", "/a/..b/.c"}, {NULL, "", ""},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *path = tidy_path(cases[i].directory, cases[i].path);

		CHECK_TEXT(path, cases[i].result);
		free(path);
	}
}

int main(void)
{
	test_module_path();
	test_agent();
	test_tidy();
	CHECK_TEXT(base_name("/a/b"), "b");
	CHECK_TEXT(base_name("b"), "b");
	return check_result();
}
