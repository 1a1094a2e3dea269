/*
 * Rules from libunwind. See unwind.h. The one file that knows libunwind.
 */
#include "agent/unwind.h"
#include "agent/cfi.h"
#include "agent/memory.h"
#include "agent/process.h"
#include "agent/sys.h"
#include <dlfcn.h>
#include <libunwind-x86_64.h>
#include <string.h>
#include <sys/resource.h>

#define STACK_SIZE (96 * 1024)
#define MOST_READS 100000u
/* Made-up register values: far from each other, so that an offset tells its register. */
#define FAKE_SP UINT64_C(0x0001000000000000)
#define FAKE_BP UINT64_C(0x0002000000000000)
#define FAKE_OTHER UINT64_C(0x0004000000000000)
#define FAKE_RANGE UINT64_C(0x0000400000000000) /* how far an offset may go either way */
#define FAKE_RETURN UINT64_C(0x0000123456789000)

static struct {
	unw_addr_space_t (*create_addr_space)(unw_accessors_t *, int);
	int (*set_caching_policy)(unw_addr_space_t, unw_caching_policy_t);
	int (*init_remote)(unw_cursor_t *, unw_addr_space_t, void *);
	int (*step)(unw_cursor_t *);
	int (*get_reg)(unw_cursor_t *, unw_regnum_t, unw_word_t *);
	int (*search_table)(unw_addr_space_t, unw_word_t, unw_dyn_info_t *, unw_proc_info_t *, int, void *);
} lib;

static unw_addr_space_t space;
static char *stack_top;

/* One question: the row of the unwind table that holds for this pc. */
struct question {
	struct rule *rule;
	const struct module *module;
	uint64_t last_read; /* made-up address that was read last */
	uint32_t reads;	    /* an expression may have no end */
	bool no_info;
	unw_cursor_t cursor;
};

static int find_proc_info(unw_addr_space_t as, unw_word_t ip, unw_proc_info_t *info, int need, void *argument)
{
	struct question *q = argument;
	const unsigned char *header = q->module->eh_frame_header;
	unw_dyn_info_t table = {0};
	uint32_t n;

	/* Version 1, a counted and sorted table of pairs relative to the header: what every linker writes. */
	if (!header || header[0] != 1 || header[2] != 0x03 || header[3] != 0x3b) {
		q->no_info = true;
		return -UNW_ENOINFO;
	}
	memcpy(&n, header + 8, sizeof(n));
	if (header + 12 + (uint64_t)n * 8 > (const unsigned char *)q->module->end) {
		q->no_info = true;
		return -UNW_ENOINFO;
	}
	table.start_ip = q->module->start;
	table.end_ip = q->module->end;
	table.format = UNW_INFO_FORMAT_REMOTE_TABLE;
	table.u.rti.segbase = (unw_word_t)header;
	table.u.rti.table_data = (unw_word_t)header + 12;
	table.u.rti.table_len = (unw_word_t)n * 8 / sizeof(unw_word_t);
	if (lib.search_table(as, ip, &table, info, need, argument)) {
		q->no_info = true;
		return -UNW_ENOINFO;
	}
	return 0;
}

static void put_unwind_info(unw_addr_space_t as, unw_proc_info_t *info, void *argument)
{
	(void)as, (void)info, (void)argument;
}

static int no_dynamic_info(unw_addr_space_t as, unw_word_t *list, void *argument)
{
	(void)as, (void)list, (void)argument;
	return -UNW_ENOINFO;
}

/* Reads of the module's own bytes are real, reads of made-up stacks are noted. */
static int access_mem(unw_addr_space_t as, unw_word_t address, unw_word_t *value, int write, void *argument)
{
	struct question *q = argument;

	(void)as;
	if (write || ++q->reads > MOST_READS)
		return -UNW_EINVAL;
	if (address >= q->module->start && address < q->module->end && q->module->end - address >= sizeof(*value)) {
		memcpy(value, (const void *)address, sizeof(*value));
		return 0;
	}
	if (address < FAKE_SP - FAKE_RANGE || address > FAKE_OTHER + FAKE_RANGE)
		return -UNW_EINVAL;
	q->last_read = address;
	*value = FAKE_RETURN;
	return 0;
}

static int access_reg(unw_addr_space_t as, unw_regnum_t reg, unw_word_t *value, int write, void *argument)
{
	struct question *q = argument;

	(void)as;
	if (write)
		return -UNW_EREADONLYREG;
	switch (reg) {
	case UNW_X86_64_RIP:
		*value = q->rule->pc - 1; /* the call, not what follows it */
		break;
	case UNW_X86_64_RSP:
		*value = FAKE_SP;
		break;
	case UNW_X86_64_RBP:
		*value = FAKE_BP;
		break;
	default:
		*value = FAKE_OTHER;
	}
	return 0;
}

static int no_fpreg(unw_addr_space_t as, unw_regnum_t reg, unw_fpreg_t *value, int write, void *argument)
{
	(void)as, (void)reg, (void)value, (void)write, (void)argument;
	return -UNW_EBADREG;
}

static int no_resume(unw_addr_space_t as, unw_cursor_t *cursor, void *argument)
{
	(void)as, (void)cursor, (void)argument;
	return -UNW_EINVAL;
}

static int no_name(unw_addr_space_t as, unw_word_t ip, char *name, size_t size, unw_word_t *offset, void *argument)
{
	(void)as, (void)ip, (void)name, (void)size, (void)offset, (void)argument;
	return -UNW_ENOINFO;
}

/*
 * Makes the address space and begins a first question, upon which libunwind sets itself up. It opens a
 * pipe then, for the validation of local memory that we never ask for; with no descriptor to be had
 * it does without.
 */
static unw_addr_space_t make_space(unw_accessors_t *accessors)
{
	struct rlimit old, none;
	struct rule rule = {0};
	struct question first = {.rule = &rule};
	unw_addr_space_t made;

	if (sys_call(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, (long)&old, 0, 0) < 0)
		return NULL;
	none = (struct rlimit){0, old.rlim_max};
	if (sys_call(SYS_prlimit64, 0, RLIMIT_NOFILE, (long)&none, 0, 0, 0) < 0)
		return NULL;
	made = lib.create_addr_space(accessors, 0);
	if (made)
		lib.init_remote(&first.cursor, made, &first);
	if (sys_call(SYS_prlimit64, 0, RLIMIT_NOFILE, (long)&old, 0, 0, 0) < 0)
		sys3(SYS_setrlimit, RLIMIT_NOFILE, &old, 0);
	return made;
}

bool unwind_init(void)
{
	unw_accessors_t accessors = {find_proc_info, put_unwind_info, no_dynamic_info, access_mem,
				     access_reg,     no_fpreg,	      no_resume,       no_name};
	void *handle = dlopen("libunwind-x86_64.so.8", RTLD_NOW | RTLD_LOCAL);
	char *stack;

	if (!handle)
		return false;
	*(void **)&lib.create_addr_space = dlsym(handle, "_Ux86_64_create_addr_space");
	*(void **)&lib.set_caching_policy = dlsym(handle, "_Ux86_64_set_caching_policy");
	*(void **)&lib.init_remote = dlsym(handle, "_Ux86_64_init_remote");
	*(void **)&lib.step = dlsym(handle, "_Ux86_64_step");
	*(void **)&lib.get_reg = dlsym(handle, "_Ux86_64_get_reg");
	*(void **)&lib.search_table = dlsym(handle, "_Ux86_64_dwarf_search_unwind_table");
	if (!lib.create_addr_space || !lib.set_caching_policy || !lib.init_remote || !lib.step || !lib.get_reg ||
	    !lib.search_table)
		return false;
	stack = memory_map(STACK_SIZE);
	space = stack ? make_space(&accessors) : NULL;
	if (!space)
		return false;
	lib.set_caching_policy(space, UNW_CACHE_NONE);
	stack_top = stack + STACK_SIZE;
	return true;
}

static bool near(uint64_t value, uint64_t base, int64_t *offset)
{
	*offset = (int64_t)(value - base);
	return value > base - FAKE_RANGE && value < base + FAKE_RANGE;
}

/* The caller's rbp: where libunwind reads it from, relative to the CFA. */
static bool answer_bp(struct question *q, uint64_t cfa)
{
	unw_word_t bp = 0;
	int64_t offset;

	q->last_read = 0;
	if (lib.get_reg(&q->cursor, UNW_X86_64_RBP, &bp))
		return false;
	if (!q->last_read)
		return bp == FAKE_BP; /* unchanged */
	offset = (int64_t)(q->last_read - cfa);
	if (offset >= 0 || offset < INT16_MIN || offset % 8)
		return false;
	q->rule->saved_bp = (int16_t)offset;
	return true;
}

static void answer(struct question *q)
{
	unw_word_t cfa = 0;
	int64_t offset;
	int r;

	q->rule->kind = RULE_UNKNOWN;
	if (lib.init_remote(&q->cursor, space, q))
		return;
	r = lib.step(&q->cursor);
	if (q->no_info || r < 0)
		return;
	if (r == 0) {
		q->rule->kind = RULE_END;
		return;
	}
	if (lib.get_reg(&q->cursor, UNW_REG_SP, &cfa) || q->last_read != cfa - 8)
		return;
	if (near(cfa, FAKE_SP, &offset))
		q->rule->kind = RULE_SP;
	else if (near(cfa, FAKE_BP, &offset))
		q->rule->kind = RULE_BP;
	else
		return;
	q->rule->cfa = (int32_t)offset;
	if (offset != q->rule->cfa || offset % 8 || !answer_bp(q, cfa))
		q->rule->kind = RULE_UNKNOWN;
}

static void answer_on_stack(void *argument)
{
	struct question q = {0};

	q.rule = ((void **)argument)[0];
	q.module = ((void **)argument)[1];
	answer(&q);
}

void unwind_ask(struct rule *rule, const struct module *module)
{
	void *arguments[2] = {rule, (void *)module};

	rule->kind = RULE_UNKNOWN;
	if (space && !process_sandbox)
		call_on_stack(stack_top, answer_on_stack, arguments);
}

void unwind_learn(struct rule *rule, const struct module *module)
{
	if (!space || !cfi_learn(rule, module))
		unwind_ask(rule, module);
}
