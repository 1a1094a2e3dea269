/*
 * Dormancy. See dormant.h.
 */
#include "agent/dormant.h"
#include "agent/identity.h"
#include "agent/link.h"
#include "agent/process.h"
#include "agent/store.h"
#include "agent/tell.h"
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stddef.h>
#include <sys/auxv.h>

extern char **__environ;

/* What the malloc of valgrind's tools is called in their preloaded part; its tools without one do not disturb us. */
#define VALGRIND_MALLOC "_vgr10010ZU_libcZdsoZa_malloc"
#define VALGRIND_IS_THERE 0x1001

/*
 * Does another object define malloc before us? An executable at a fixed address that takes malloc's address
 * shows an entry of its own in the symbol's place, but does not define it.
 */
static enum dormant_reason allocator_before_us(void)
{
	extern void *malloc(size_t);
	void *ours = (void *)malloc, *first = dlsym(RTLD_DEFAULT, "malloc");
	const Elf64_Sym *symbol = NULL;
	struct link_map *object = NULL;
	Dl_info info;

	if (first == ours || !first)
		return DORMANT_NO;
	if (dladdr1(first, &info, (void **)&symbol, RTLD_DL_SYMENT) && symbol && symbol->st_shndx == SHN_UNDEF)
		return DORMANT_NO;
	/* The executable's own name is empty. */
	if (dladdr1(first, &info, (void **)&object, RTLD_DL_LINKMAP) && object && object->l_name && *object->l_name)
		return DORMANT_LIBRARY;
	return DORMANT_EXECUTABLE;
}

static enum dormant_reason sanitizer(void)
{
	static const char *const names[] = {[DORMANT_ASAN] = "__asan_init",
					    [DORMANT_TSAN] = "__tsan_init",
					    [DORMANT_MSAN] = "__msan_init",
					    [DORMANT_HWASAN] = "__hwasan_init",
					    [DORMANT_LSAN] = "__lsan_init"};

	for (unsigned i = DORMANT_ASAN; i <= DORMANT_LSAN; i++)
		if (dlsym(RTLD_DEFAULT, names[i]))
			return (enum dormant_reason)i;
	return DORMANT_NO;
}

/* Valgrind sees these instructions, which do nothing, and answers in their place. */
static bool is_under_valgrind(void)
{
	volatile uint64_t request[6] = {VALGRIND_IS_THERE};
	uint64_t answer = 0;

	__asm__ volatile("rolq $3, %%rdi\n\t"
			 "rolq $13, %%rdi\n\t"
			 "rolq $61, %%rdi\n\t"
			 "rolq $51, %%rdi\n\t"
			 "xchgq %%rbx, %%rbx"
			 : "+d"(answer)
			 : "a"(request)
			 : "cc", "memory");
	return answer != 0;
}

enum dormant_reason dormant_reason(void)
{
	enum dormant_reason reason = getauxval(AT_SECURE) ? DORMANT_PRIVILEGED : sanitizer();

	if (reason == DORMANT_NO && is_under_valgrind() && dlsym(RTLD_DEFAULT, VALGRIND_MALLOC))
		reason = DORMANT_VALGRIND;
	return reason == DORMANT_NO ? allocator_before_us() : reason;
}

void dormant_tell(enum dormant_reason reason)
{
	int fd;

	if (reason == DORMANT_NO || reason == DORMANT_PRIVILEGED || process_sandbox ||
	    !store_open(REGION_HEADER_SIZE, &fd))
		return;
	identity_describe();
	link_init(__environ);
	store->agent.mode = MODE_OFF;
	store->agent.dormant = (uint16_t)reason;
	if (tell_hello(-1))
		link_close();
	store_close(fd);
}
