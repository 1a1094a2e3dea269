/*
 * Tests of agent/unwind and stack_unwind: rules lead where the C library's own unwinder goes, for frames of every
 * shape.
 */
#include "agent/unwind.h"
#include "agent/stack.h"
#include "tests/unit/agent/agent.h"
#include "tests/unit/agent/frames.h"
#include <dirent.h>
#include <dlfcn.h>
#include <link.h>
#include <setjmp.h>
#include <sys/resource.h>
#include <unwind.h>

#define MEGABYTE (UINT64_C(1) << 20)
#define DEEPEST 1100u

struct seen {
	uint64_t frames[DEEPEST];
	unsigned n_frames;
	uint32_t flags;
	uintptr_t pcs[DEEPEST]; /* the other unwinder's */
	unsigned n_pcs;
	struct frame frame;
};

static _Unwind_Reason_Code note_pc(struct _Unwind_Context *context, void *argument)
{
	struct seen *seen = argument;

	/* It puts a NULL above the outermost frame. */
	if (_Unwind_GetIP(context) && seen->n_pcs < DEEPEST)
		seen->pcs[seen->n_pcs++] = _Unwind_GetIP(context);
	return _URC_NO_REASON;
}

static __attribute__((noinline)) void look(void *context)
{
	struct seen *seen = context;
	struct backtrace b;
	uint32_t was;

	seen->frame = CALLER_FRAME;
	seen->n_pcs = 0;
	if (!thread_enter(&seen->frame, &was)) {
		CHECK(!"thread_enter");
		return;
	}
	b = *stack_unwind(thread.shard, &seen->frame, false);
	memcpy(seen->frames, b.frames, b.n_frames * sizeof(b.frames[0]));
	seen->n_frames = b.n_frames;
	seen->flags = b.flags;
	thread_leave(was);
	_Unwind_Backtrace(note_pc, seen);
}

static const struct wire_module *module_of(uint64_t frame)
{
	struct region_view view = store_view();
	const struct region_record *record;
	uint64_t offset = 0;

	while ((record = region_next(&view, &offset)))
		if (record->kind == REGION_MODULE &&
		    ((const struct region_module *)record)->module.id == frame >> FRAME_MODULE_SHIFT)
			return &((const struct region_module *)record)->module;
	return NULL;
}

/* Is this frame that address? Asked of the loader anew. */
static bool is_address(uint64_t frame, uintptr_t pc)
{
	const struct wire_module *module = module_of(frame);
	struct link_map *map = NULL;
	Dl_info info;

	if (!module || !dladdr1((void *)pc, &info, (void **)&map, RTLD_DL_LINKMAP))
		return false;
	return module->bias == map->l_addr && (frame & FRAME_OFFSET_MASK) == pc - map->l_addr;
}

/* The whole stack, or as much of it as depth allows, is the other unwinder's. */
static void check_same(const struct seen *seen, unsigned at_least)
{
	unsigned skip = 0, n;

	while (skip < seen->n_pcs && seen->pcs[skip] != seen->frame.ra)
		skip++;
	n = seen->n_pcs - skip;
	CHECK(n >= at_least);
	CHECK_EQ(seen->n_frames, n < options.depth ? n : options.depth);
	CHECK_EQ(seen->flags, n > options.depth ? STACK_CUT : 0);
	for (unsigned i = 0; i < seen->n_frames && skip + i < seen->n_pcs; i++)
		if (!is_address(seen->frames[i], seen->pcs[skip + i])) {
			printf("frame %u\n", i);
			CHECK(!"the same address");
		}
}

static void begin(void)
{
	agent_begin(16 * MEGABYTE);
	memcpy(store->exe, "/test", 6);
	options.depth = 1024;
	CHECK(unwind_init());
}

static jmp_buf out;

static void look_and_leave(void *context)
{
	struct seen *seen = context;

	look(seen);
	longjmp(out, 1);
}

static void look_at_all(const struct frames *shapes, struct seen *seen)
{
	shapes->plain(look, seen);
	check_same(seen, 3);
	for (unsigned n = 0; n < 3000; n += 377) {
		shapes->allocating(look, seen, n);
		check_same(seen, 3);
		shapes->variable(look, seen, n);
		check_same(seen, 4);
	}
	for (unsigned depth = 1; depth < 300; depth += 66) {
		shapes->recursive(look, seen, depth);
		check_same(seen, depth + 2);
	}
	for (unsigned path = 1; path < 64; path += 3) {
		shapes->branching(look, seen, path);
		check_same(seen, 3);
	}
	shapes->through_libc(look, seen);
	check_same(seen, 6);
	if (!setjmp(out))
		shapes->ending(look_and_leave, seen);
	check_same(seen, 4);
}

static void test_with_frame_pointers(void)
{
	static struct seen seen;

	begin();
	look_at_all(&frames_keep, &seen);
}

static void test_without_frame_pointers(void)
{
	static struct seen seen;

	begin();
	look_at_all(&frames_omit, &seen);
}

/* One shape calls the other: a frame without rbp between frames that count from it. */
static struct seen mixed;

static void omit_then_look(void *context)
{
	(void)context;
	frames_omit.variable(look, &mixed, 100);
}

static void keep_then_omit(void *context)
{
	frames_keep.recursive(omit_then_look, context, 20);
}

static void *look_in_thread(void *unused)
{
	(void)unused;
	frames_omit.through_libc(keep_then_omit, NULL);
	return NULL;
}

static void test_mixed(void)
{
	begin();
	frames_omit.plain(keep_then_omit, NULL);
	check_same(&mixed, 26);
	frames_keep.through_libc(keep_then_omit, NULL);
	check_same(&mixed, 30);
	in_threads(1, look_in_thread);
	check_same(&mixed, 30);
}

static void test_cut(void)
{
	static struct seen seen;

	begin();
	options.depth = 64;
	for (unsigned depth = 40; depth < 200; depth++) {
		frames_keep.recursive(look, &seen, depth);
		check_same(&seen, depth + 2);
		frames_omit.recursive(look, &seen, depth);
		check_same(&seen, depth + 2);
	}
	CHECK_EQ(seen.n_frames, 64);
	options.depth = 1;
	frames_omit.plain(look, &seen);
	check_same(&seen, 3);
}

/* A signal handler's caller is the kernel's doing: what is below it is right, the rest may be missing. */
static struct seen handled;

static void handle(int number)
{
	(void)number;
	frames_keep.plain(look, &handled);
}

static void test_signal_handler(void)
{
	unsigned skip = 0;

	begin();
	signal(SIGUSR1, handle);
	raise(SIGUSR1);
	while (skip < handled.n_pcs && handled.pcs[skip] != handled.frame.ra)
		skip++;
	CHECK(handled.n_frames >= 2);
	CHECK(is_address(handled.frames[0], handled.pcs[skip]));
	CHECK(is_address(handled.frames[1], handled.pcs[skip + 1]));
	CHECK(handled.n_frames >= handled.n_pcs - skip || handled.flags & STACK_INCOMPLETE);
}

static void test_shapes_of_rules(void)
{
	static struct seen seen;
	const struct rule *rule;

	begin();
	frames_keep.allocating(look, &seen, 100);
	rule = rule_find(seen.frame.ra);
	CHECK(rule && rule->kind == RULE_BP && rule->cfa == 16 && rule->saved_bp == -16 && !rule->from_loader);
	frames_omit.plain(look, &seen);
	rule = rule_find(seen.frame.ra);
	CHECK(rule && rule->kind == RULE_SP && rule->cfa >= 8 && rule->cfa < 200 && rule->saved_bp == 0);
	rule = rule_find(seen.pcs[seen.n_pcs - 1]);
	CHECK(rule && rule->kind == RULE_END);
}

static void test_without_libunwind(void)
{
	static struct seen seen;

	agent_begin(16 * MEGABYTE);
	frames_keep.plain(look, &seen);
	CHECK_EQ(seen.n_frames, 1);
	CHECK_EQ(seen.flags, STACK_INCOMPLETE);
	CHECK(is_address(seen.frames[0], seen.frame.ra));
}

static void test_strict_sandbox(void)
{
	static struct seen seen;

	begin();
	for (volatile int again = 0; again < 2; again++) {
		frames_keep.plain(look, &seen); /* what is known serves on */
		check_same(&seen, 3);
		process_sandbox = SANDBOX_STRICT;
	}
	frames_omit.plain(look, &seen); /* and reading a table takes no system call */
	check_same(&seen, 3);
}

static unsigned descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(directory))
		n++;
	closedir(directory);
	return n;
}

/* Nothing of the host's is other than before. */
static void test_init_is_silent(void)
{
	struct rlimit before, after;
	sigset_t mask_before = {0}, mask_after = {0};
	static struct seen seen;
	unsigned n = descriptors();

	getrlimit(RLIMIT_NOFILE, &before);
	sigprocmask(SIG_BLOCK, NULL, &mask_before);
	begin();
	frames_keep.through_libc(look, &seen);
	check_same(&seen, 6);
	getrlimit(RLIMIT_NOFILE, &after);
	sigprocmask(SIG_BLOCK, NULL, &mask_after);
	CHECK_EQ(descriptors(), n + 1); /* the region's */
	CHECK(!memcmp(&before, &after, sizeof(before)));
	CHECK(!memcmp(&mask_before, &mask_after, sizeof(mask_before)));
	CHECK(!dlsym(RTLD_DEFAULT, "_Ux86_64_step"));
}

static void *look_on_small_stack(void *context)
{
	frames_omit.plain(look, context);
	return NULL;
}

static void test_small_stack(void)
{
	static struct seen seen;
	pthread_attr_t attributes;
	pthread_t small;

	begin();
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 16384);
	CHECK_EQ(pthread_create(&small, &attributes, look_on_small_stack, &seen), 0);
	pthread_join(small, NULL);
	check_same(&seen, 3);
}

/* Any address of the C library's code may be asked: the answer is sane and always the same. */
static void test_sweep(void)
{
	struct rule_guard guard;
	uint64_t random = 3;
	unsigned learned = 0;
	Dl_info info;

	begin();
	CHECK(dladdr((void *)&qsort, &info) != 0);
	for (unsigned i = 0; i < 3000; i++) {
		uintptr_t pc = (uintptr_t)&qsort - 100000 + random_below(&random, 200000);
		const struct rule *rule = rule_learn(pc);
		struct rule first;

		if (!rule) {
			CHECK(!"learned");
			continue;
		}
		first = *rule;
		learned += first.kind == RULE_SP || first.kind == RULE_BP;
		CHECK(first.kind != RULE_NONE && first.kind <= RULE_UNKNOWN);
		CHECK(first.cfa % 8 == 0 && first.saved_bp % 8 == 0 && first.saved_bp <= 0);
		if (first.kind == RULE_SP)
			CHECK(first.cfa >= 8);
		CHECK(rule_lock(&guard));
		rule_forget(pc, pc + 1);
		rule_unlock(&guard);
		CHECK(rule_find(pc) == NULL);
		rule = rule_learn(pc);
		CHECK(rule && !memcmp(rule, &first, sizeof(first)));
	}
	CHECK(learned > 2500);
}

int main(void)
{
	CASE(test_with_frame_pointers);
	CASE(test_without_frame_pointers);
	CASE(test_mixed);
	CASE(test_cut);
	CASE(test_signal_handler);
	CASE(test_shapes_of_rules);
	CASE(test_without_libunwind);
	CASE(test_strict_sandbox);
	CASE(test_init_is_silent);
	CASE(test_small_stack);
	CASE(test_sweep);
	return check_result();
}
