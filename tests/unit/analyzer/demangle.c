/*
 * Tests of analyzer/demangle: C++ and Rust names as the source has them, all others left alone.
 */
#include "analyzer/demangle.h"
#include "tests/unit/check.h"
#include <stdlib.h>

static void test_mangled(void)
{
	static const struct {
		const char *linkage, *plain;
	} names[] = {
		{"_Z3fooi", "foo(int)"},
		{"_Z3fooi.constprop.0", "foo(int) [clone .constprop.0]"},
		{"_ZN3FooC1ERKSs", "Foo::Foo(std::string const&)"},
		{"_ZN12_GLOBAL__N_14anonEi", "(anonymous namespace)::anon(int)"},
		{"_ZZ4mainENKUlvE_clEv", "main::{lambda()#1}::operator()() const"},
		{"_ZNSt6vectorIiSaIiEE9push_backERKi", "std::vector<int, std::allocator<int> >::push_back(int const&)"},
		{"_Znwm", "operator new(unsigned long)"},
		/* Rust, legacy: without its hash. */
		{"_ZN4core3fmt5Write9write_fmt17h0123456789abcdefE", "core::fmt::Write::write_fmt"},
		{"_ZN4core3fmt5Write9write_fmt17h0123456789abcdefE.llvm.1234567", "core::fmt::Write::write_fmt"},
		{"_ZN63_$LT$u8$u20$as$u20$alloc..vec..spec_from_elem..SpecFromElem$GT$9from_elem17h031dab8b6683812fE",
		 "<u8 as alloc::vec::spec_from_elem::SpecFromElem>::from_elem"},
		/* Rust, v0: without the disambiguator of the crate. */
		{"_RNvCs4fqI2P2rA04_5hello4main", "hello::main"},
		{"_RINvNtC3std3mem8align_ofjdE", "std::mem::align_of::<usize, f64>"},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *plain = demangle(names[i].linkage);

		CHECK_TEXT(plain ? plain : "(none)", names[i].plain);
		free(plain);
	}
}

static void test_left_alone(void)
{
	static const char *const names[] = {
		"main",
		"f",
		"i",
		"v",
		"std",
		"malloc",
		"_start",
		"__libc_start_main",
		"_Zfoo",
		"_Z",
		"_R",
		"_Rfoo",
		"_RNv",
		"__R",
		"_Z3fo",
		"Z3fooi",
		"operator new",
		"",
		"_GLOBAL_OFFSET_TABLE_",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *plain = demangle(names[i]);

		if (plain)
			printf("%s became %s\n", names[i], plain);
		CHECK(plain == NULL);
		free(plain);
	}
	CHECK(demangle(NULL) == NULL);
}

/* Names come from files of others: nesting without end has to end. */
static void test_hostile(void)
{
	char *deep = calloc(1, 200003);

	memcpy(deep, "_Z", 2);
	memset(deep + 2, 'P', 200000);
	free(demangle(deep));
	memset(deep + 2, 'S', 200000);
	free(demangle(deep));
	memcpy(deep, "_R", 2);
	memset(deep + 2, 'I', 200000);
	free(demangle(deep));
	free(deep);
	CHECK(true); /* it came back */
}

int main(void)
{
	test_mangled();
	test_left_alone();
	test_hostile();
	return check_result();
}
