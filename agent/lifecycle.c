/*
 * Lifecycle. See lifecycle.h.
 *
 * The start has two stages, since other libraries' constructors run before ours and allocate. The core
 * (options, region, modules) begins with the first call that reaches us once libc has its environment;
 * it needs nothing but system calls and dlsym. The rest (libunwind by dlopen, handlers for fork and
 * exit, the analyzer) waits for a call from outside libc and the loader, whose locks may be held, or
 * for our constructor, whichever comes first; stacks met before have one frame.
 *
 * The exit handler registered here runs late; the heap calls that still follow are in the region.
 */
#include "agent/lifecycle.h"
#include "agent/blockmap.h"
#include "agent/census.h"
#include "agent/dormant.h"
#include "agent/fork.h"
#include "agent/identity.h"
#include "agent/link.h"
#include "agent/look.h"
#include "agent/memory.h"
#include "agent/mode.h"
#include "agent/modules.h"
#include "agent/operators.h"
#include "agent/proc.h"
#include "agent/real.h"
#include "agent/rule.h"
#include "agent/sampler.h"
#include "agent/settings.h"
#include "agent/stack.h"
#include "agent/sys.h"
#include "agent/tell.h"
#include "agent/unwind.h"
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#define RESERVE (UINT64_C(1) << 30) /* address space of the region */
#define RESERVE_LEAST (UINT64_C(4) << 20)
#define MADV_UNKNOWN 0x6775		 /* no kernel has it */
#define RESERVE_SHARE 16		 /* of a small RLIMIT_AS */
#define AHEAD (UINT64_C(64) << 20)	 /* of the region, opened before a sandbox closes */
#define MEMORY_SHARE 16			 /* of its size, set aside beside it */
#define AHEAD_LOCKED (UINT64_C(1) << 20) /* and before memory is locked */
#define FINAL_WAIT_MS 100
#define MARK_WAIT_MS 100
#define BEGIN_YIELDS 100000

struct process_page process_page __attribute__((aligned(4096)));
enum sandbox process_sandbox;
static enum { STAGE_NONE = 0, STAGE_CORE, STAGE_WHOLE, STAGE_OFF } stage;
extern char **__environ;
static uint32_t last_epoch = EPOCH_FIRST;
static int early_region_fd = -1;
static enum dormant_reason dormant;

void process_lost(uint32_t flag)
{
	__atomic_fetch_or(&store->agent.lost, flag, __ATOMIC_RELAXED);
}

void process_dropped(uint32_t flag)
{
	process_lost(flag);
	__atomic_fetch_add(&store->agent.dropped, 1, __ATOMIC_RELAXED);
}

bool lifecycle_started(void)
{
	return stage == STAGE_CORE || stage == STAGE_WHOLE;
}

static uint64_t reserve_within(uint64_t address_space)
{
	if (address_space == RLIM_INFINITY || address_space / RESERVE_SHARE >= RESERVE)
		return RESERVE;
	return address_space / RESERVE_SHARE > RESERVE_LEAST ? address_space / RESERVE_SHARE : RESERVE_LEAST;
}

static uint64_t reserve_size(void)
{
	struct rlimit limit;

	if (sys_call(SYS_prlimit64, 0, RLIMIT_AS, 0, (long)&limit, 0, 0) < 0)
		return RESERVE;
	return reserve_within(limit.rlim_cur);
}

static void on_exit_handler(int status, void *unused)
{
	(void)unused;
	lifecycle_exiting(status);
}

/* Tells the analyzer, if there is one, and lets go of the memfd: from here on the mapping is all we keep. */
static void introduce(int region_fd)
{
	tell_hello(region_fd);
	if (region_fd >= 0)
		sys3(SYS_close, region_fd, 0, 0);
}

/* An emulator takes any request and does nothing: one that no kernel knows has to fail. */
static bool wipes_on_fork(void)
{
	return sys3(SYS_madvise, &process_page, sizeof(process_page), MADV_UNKNOWN) < 0 &&
	       sys3(SYS_madvise, &process_page, sizeof(process_page), MADV_WIPEONFORK) == 0;
}

static bool start_core(int *region_fd)
{
	modules_init();
	/* Others name their functions __libc_free too, so the code's place tells whose they are. */
	if (!blockmap_init(!module_has_libc_code(*(void **)&real.malloc)))
		return false;
	if (!store_open(reserve_size(), region_fd))
		return false;
	identity_describe();
	link_init(__environ);
	threads_init();
	mode_init();
	return true;
}

/* Why not, or DORMANT_NO. */
static enum dormant_reason start_or_why_not(void)
{
	enum dormant_reason reason = dormant_reason();

	if (reason == DORMANT_NO && !wipes_on_fork())
		reason = DORMANT_NOT_WIPED;
	if (reason == DORMANT_NO && !start_core(&early_region_fd))
		reason = DORMANT_NO_MEMORY;
	return reason;
}

/* The first stage. Context: any, before there is a second thread. */
static void begin_core(void)
{
	bool on;

	real_resolve();
	settings_begin(__environ);
	dormant = options.mode == MODE_OFF ? DORMANT_NO : start_or_why_not();
	on = options.mode != MODE_OFF && dormant == DORMANT_NO;
	stage = on ? STAGE_CORE : STAGE_OFF;
	__atomic_store_n(&process_page.epoch, on ? EPOCH_FIRST : EPOCH_DORMANT, __ATOMIC_RELEASE);
}

/* The second. Context: no lock of libc or the loader is held. */
static void begin_rest(void)
{
	struct rule_guard guard;

	stage = STAGE_WHOLE;
	operators_init(); /* before a call that lets go of the loader's message */
	store->agent.unwinder = unwind_init() ? UNWINDER_LIBUNWIND : UNWINDER_NONE;
	proc_init(!blockmap_now.tiny_below);
	pthread_atfork(fork_prepare, fork_parent, fork_child);
	on_exit(on_exit_handler, NULL);
	introduce(early_region_fd);
	look_first(true);
	if (rule_lock(&guard)) {
		rule_forget(0, UINTPTR_MAX);
		rule_unlock(&guard);
	}
	process_epoch_advance();
	shards_each(stack_disown);
}

bool lifecycle_begin(const struct frame *frame)
{
	static int beginning;
	struct thread_alone alone;

	/* A library's constructor may have made threads already: one of them begins, the others pass through. */
	if (__atomic_exchange_n(&beginning, 1, __ATOMIC_ACQUIRE))
		return false;
	thread_alone_begin(&alone);
	if (stage == STAGE_NONE && __environ)
		begin_core();
	if (stage == STAGE_OFF) /* also in the child of a dormant process */
		__atomic_store_n(&process_page.epoch, EPOCH_DORMANT, __ATOMIC_RELEASE);
	if (stage == STAGE_CORE && (!frame || !module_code_is_system(frame->ra)))
		begin_rest();
	thread_alone_end(&alone);
	__atomic_store_n(&beginning, 0, __ATOMIC_RELEASE);
	return stage == STAGE_CORE || stage == STAGE_WHOLE;
}

bool lifecycle_is_whole(void)
{
	return stage == STAGE_WHOLE;
}

__attribute__((constructor)) static void constructor(void)
{
	static char *none[] = {NULL};

	thread.busy = BUSY_AGENT;
	if (!__environ)
		__environ = none;
	lifecycle_begin(NULL);
	if (stage == STAGE_OFF)
		dormant_tell(dormant);
	if (__environ == none)
		__environ = NULL;
	thread.busy = BUSY_NO;
}

static bool begin_child(int *region_fd)
{
	struct wire_agent *a = &store->agent;

	rule_postfork_child();
	link_postfork_child();
	if (!store_copy(region_fd))
		return false;
	identity_describe_moment();
	a->cpu_ns = a->frames_unsent = a->unknown_frees = a->dropped = 0;
	memset(&store->end, 0, sizeof(store->end));
	shards_postfork_child();
	sampler_postfork_child();
	if (!fork_inherit())
		return false;
	blockmap_postfork_child();
	census_postfork_child();
	tell_forget();
	introduce(*region_fd);
	look_first(false);
	return true;
}

bool lifecycle_begin_child(void)
{
	struct thread_alone alone;
	int region_fd = -1;
	bool on;

	/* Threads of the child may come here at once: the first does it, the others wait for it. */
	if (__atomic_exchange_n(&process_page.beginning, 1, __ATOMIC_ACQ_REL)) {
		for (int i = 0; i < BEGIN_YIELDS && process_epoch() == EPOCH_NONE && !process_sandbox; i++)
			sys3(SYS_sched_yield, 0, 0, 0);
		return process_epoch() >= EPOCH_FIRST;
	}
	thread_alone_begin(&alone);
	on = !process_sandbox && begin_child(&region_fd);
	if (!on) {
		stage = STAGE_OFF; /* and none of its children tries with what is left */
		if (region_fd >= 0)
			sys3(SYS_close, region_fd, 0, 0);
	}
	last_epoch += 1u << 16; /* beyond any that the parent's threads have */
	__atomic_store_n(&process_page.epoch, on ? last_epoch : EPOCH_DORMANT, __ATOMIC_RELEASE);
	thread_alone_end(&alone);
	return on;
}

void lifecycle_exiting(int status)
{
	struct thread_alone alone;

	if (!lifecycle_started() || process_epoch() == EPOCH_DORMANT)
		return;
	thread_alone_begin(&alone);
	if (process_epoch() == EPOCH_NONE && !process_sandbox)
		lifecycle_begin_child();
	/* A vfork child shares our memory: its exit is not ours. */
	if (process_epoch() >= EPOCH_FIRST && (process_sandbox || sys3(SYS_getpid, 0, 0, 0) == store->process.pid)) {
		/* In a sandbox the clock may be SIGSEGV, or a system call after all. */
		if (!process_sandbox)
			store->end.time_ns = proc_monotonic() - store->process.start_monotonic_ns;
		store->end.status = status & 0xff;
		__atomic_store_n(&store->end.how, END_EXIT, __ATOMIC_RELEASE);
		if (!process_sandbox)
			look_last(FINAL_WAIT_MS);
	}
	thread_alone_end(&alone);
}

/* Before the host enters a sandbox; the sampler thread goes where the filter will hold for it too. */
static enum sandbox enter_sandbox(enum sandbox kind, bool all_threads)
{
	enum sandbox before = process_sandbox;
	struct thread_alone alone;

	thread_alone_begin(&alone);
	if (all_threads)
		sampler_stop();
	if (!before && lifecycle_started() && process_epoch() == EPOCH_NONE)
		lifecycle_begin_child();
	if (!before && process_epoch() >= EPOCH_FIRST) {
		store_open_ahead(AHEAD);
		memory_ahead(store->size / MEMORY_SHARE);
	}
	if (before < kind)
		process_sandbox = kind;
	thread_alone_end(&alone);
	return before;
}

enum sandbox lifecycle_prctl(int option, unsigned long mode)
{
	if (likely(option != PR_SET_SECCOMP))
		return process_sandbox;
	return enter_sandbox(mode == SECCOMP_MODE_STRICT ? SANDBOX_STRICT : SANDBOX_FILTER, false);
}

enum sandbox lifecycle_syscall(long number, long argument, long mode)
{
	if (unlikely(number == SYS_prctl))
		return lifecycle_prctl((int)argument, (unsigned long)mode);
	if (likely(number != SYS_seccomp) ||
	    (argument != SECCOMP_SET_MODE_STRICT && argument != SECCOMP_SET_MODE_FILTER))
		return process_sandbox;
	return enter_sandbox(argument == SECCOMP_SET_MODE_STRICT ? SANDBOX_STRICT : SANDBOX_FILTER,
			     mode & SECCOMP_FILTER_FLAG_TSYNC);
}

void lifecycle_sandbox_failed(enum sandbox before)
{
	process_sandbox = before;
}

void lifecycle_mlockall(int flags)
{
	struct thread_alone alone;

	if (!(flags & MCL_CURRENT) || process_sandbox || !lifecycle_started())
		return;
	thread_alone_begin(&alone);
	if (process_epoch() == EPOCH_NONE)
		lifecycle_begin_child();
	/* What is reserved counts against the host's limit, which may be small, although nothing is there. */
	if (process_epoch() >= EPOCH_FIRST) {
		store_open_ahead(AHEAD_LOCKED);
		store_trim(0);
	}
	thread_alone_end(&alone);
}

static bool limits_us(int pid, int resource, const void *limit)
{
	if (likely(resource != RLIMIT_AS) || !limit || process_sandbox || !lifecycle_started())
		return false;
	return pid == 0 || pid == store->process.pid;
}

/* A child's region takes the place of its parent's: that has to be while there is room for both. */
void lifecycle_limit_before(int pid, int resource, const void *limit)
{
	if (likely(!limits_us(pid, resource, limit)) || process_epoch() != EPOCH_NONE)
		return;
	lifecycle_begin_child();
}

void lifecycle_limited(int pid, int resource, const void *limit)
{
	/* The child of vfork limits itself, but the memory is its parent's. */
	if (unlikely(limits_us(pid, resource, limit)) && process_epoch() >= EPOCH_FIRST &&
	    sys3(SYS_getpid, 0, 0, 0) == store->process.pid)
		store_trim(reserve_within(((const struct rlimit *)limit)->rlim_cur));
}

void lifecycle_mark(const char *name)
{
	uint32_t was = thread.busy;
	int saved = errno;

	if (!lifecycle_is_whole() || process_epoch() < EPOCH_FIRST || process_sandbox || was == BUSY_AGENT ||
	    sys3(SYS_getpid, 0, 0, 0) != store->process.pid) /* a vfork child */
		return;
	thread.busy = BUSY_AGENT;
	look_mark(name ? name : "", MARK_WAIT_MS);
	thread.busy = was;
	errno = saved;
}

void lifecycle_main_thread_exits(void)
{
	struct thread_alone alone;

	/* The host's last thread would end the process; ours must not be left behind it. */
	if (process_epoch() < EPOCH_FIRST || process_sandbox || sys3(SYS_gettid, 0, 0, 0) != store->process.pid)
		return;
	thread_alone_begin(&alone);
	sampler_stop();
	thread_alone_end(&alone);
}
