/*
 * ELF facts -- the few things about an executable that decide whether something can be preloaded.
 */
#pragma once
#include <stdbool.h>

struct elf_facts {
	unsigned machine, class;
	const char *machine_name;
	char interpreter[256]; /* empty: statically linked */
	const char *sanitizer; /* NULL, or which one it is built with */
	bool runtime_first;    /* which insists on being the first library */
	bool loader;	       /* it is ld.so */
	bool own_malloc;       /* it exports a malloc of its own */
};

/* 0, or -ENOEXEC when fd is no readable ELF file. */
int elf_read_facts(int fd, struct elf_facts *facts);
