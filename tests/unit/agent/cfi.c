/*
 * Tests of agent/cfi: what it reads from unwind tables is what libunwind says, all over the code of real libraries.
 */
#include "agent/cfi.h"
#include "agent/unwind.h"
#include "tests/unit/agent/agent.h"
#include <dlfcn.h>
#include <link.h>

#define MEGABYTE (UINT64_C(1) << 20)
#define ASKED_OF_ONE 6000u

static unsigned same, left, different;

/* Executable segments, each at addresses spread over it, behind calls or not. */
static int look_at(struct dl_phdr_info *info, size_t size, void *unused)
{
	(void)size, (void)unused;
	for (unsigned i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + segment->p_vaddr, step = segment->p_memsz / ASKED_OF_ONE + 1;

		if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_X))
			continue;
		for (uintptr_t pc = start + 1; pc < start + segment->p_memsz; pc += step) {
			struct rule read = {.pc = pc}, asked = {.pc = pc};
			const struct module *module = module_at(pc);

			if (!module)
				continue;
			unwind_ask(&asked, module);
			if (!cfi_learn(&read, module))
				left++;
			else if (read.kind == asked.kind && read.cfa == asked.cfa && read.saved_bp == asked.saved_bp)
				same++;
			else
				different++;
		}
	}
	return 0;
}

static void test_libraries(void)
{
	const char *libraries[] = {"libstdc++.so.6", "libcrypto.so.3", "libsqlite3.so.0", "libgmp.so.10"};
	struct rule_guard guard;

	agent_begin(16 * MEGABYTE);
	CHECK(unwind_init());
	for (unsigned i = 0; i < sizeof(libraries) / sizeof(*libraries); i++)
		dlopen(libraries[i], RTLD_NOW); /* those that there are */
	CHECK(rule_lock(&guard));
	dl_iterate_phdr(look_at, NULL);
	rule_unlock(&guard);
	printf("%u the same, %u left to libunwind\n", same, left);
	CHECK_EQ(different, 0);
	CHECK(same > 10000);
	CHECK(left < same / 5);
}

/* A table that lies: whatever its bytes are, nothing outside the module is read. */
static void test_lies(void)
{
	unsigned char *pages = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned char *start = pages + 4096, *header = start + 64;
	struct module module = {.start = (uintptr_t)start, .end = (uintptr_t)start + 4096, .eh_frame_header = header};
	uint64_t random = 7;
	unsigned understood = 0;

	mprotect(pages, 4096, PROT_NONE);
	mprotect(pages + 8192, 4096, PROT_NONE);
	for (unsigned i = 0; i < 200000; i++) {
		struct rule rule = {.pc = (uintptr_t)start + 2048};
		const uint32_t cie[] = {20, 0, 0x00527a01, 0x01107801, 0x08070c1b, 0x00000190};
		uint32_t fde[8] = {24, 128 + 4 - 64, 0, 4096};

		for (unsigned k = 0; k < 200; k++)
			start[random_below(&random, 4096)] = (unsigned char)random_below(&random, 256);
		memcpy(start + 64, "\1\x1b\3\x3b", 4);
		memcpy(header + 8, &(uint32_t){1 + (uint32_t)random_below(&random, 3)}, 4);
		memcpy(header + 12, &(int32_t[]){(int32_t)random_below(&random, 9000) - 4500, 128}, 8);
		memcpy(start + 128, cie, sizeof(cie));
		fde[2] = (uint32_t)random_below(&random, 4096) - 2048;
		memcpy(header + 128, fde, 4 * (1 + random_below(&random, 4)));
		understood += cfi_learn(&rule, &module);
	}
	CHECK(understood > 100);
}

int main(void)
{
	CASE(test_libraries);
	CASE(test_lies);
	return check_result();
}
