/*
 * Threads and shards. See thread.h.
 */
#include "agent/thread.h"
#include "agent/callsite.h"
#include "agent/lifecycle.h"
#include "agent/memory.h"
#include "agent/mode.h"
#include "agent/stack.h"
#include "agent/sys.h"
#include <dlfcn.h>
#include <errno.h>
#include <sys/resource.h>

#define LOOK_AT 64u		  /* shards tried for a dead owner before a new one is made */
#define PEAK_STEP (64 * 1024u)	  /* with several threads the peak is looked at this often */
#define FIRST_LOOK (1024 * 1024u) /* of a thread's stack: its first allocation is near the top */
#define FURTHER_LOOK (64u << 20)  /* how far below that it is followed at a time */

struct shard shard_nobody = {.table = &stack_nothing};
__thread struct thread thread = {.epoch = EPOCH_THREAD_NEW, .shard = &shard_nobody};
extern __thread struct thread thread_again __attribute__((alias("thread")));

static struct shard *shards; /* atomic; newest first */
uint32_t n_shards;
static struct shard *next_to_try;
static uintptr_t main_stack_end, main_stack_room = 8 << 20;

static void owner_init(struct shard *shard)
{
	pthread_mutexattr_t attributes;

	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&shard->owner, &attributes);
	pthread_mutexattr_destroy(&attributes);
}

static bool owner_take(struct shard *shard)
{
	int r = pthread_mutex_trylock(&shard->owner);

	if (r == EOWNERDEAD) {
		order_acquire(shard);
		r = pthread_mutex_consistent(&shard->owner);
	}
	return r == 0;
}

static struct shard *shard_make(void)
{
	struct shard *shard = memory_take(sizeof(*shard));

	if (!shard || !stack_init_shard(shard))
		return NULL;
	owner_init(shard);
	owner_take(shard);
	shard->id = __atomic_add_fetch(&n_shards, 1, __ATOMIC_RELAXED);
	shard_countdown(shard, 1);
	shard->next = __atomic_load_n(&shards, __ATOMIC_ACQUIRE);
	while (!__atomic_compare_exchange_n(&shards, &shard->next, shard, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		;
	return shard;
}

/* One whose thread is gone, or a new one. */
static struct shard *shard_get(void)
{
	struct shard *s = __atomic_load_n(&next_to_try, __ATOMIC_ACQUIRE);

	for (unsigned i = 0; i < LOOK_AT; i++) {
		if (!s && !(s = __atomic_load_n(&shards, __ATOMIC_ACQUIRE)))
			break;
		__atomic_store_n(&next_to_try, s->next, __ATOMIC_RELEASE);
		if (owner_take(s)) {
			stack_forget(s);
			return s;
		}
		s = s->next;
		if (i + 1 >= shards_count())
			break;
	}
	return shard_make();
}

void threads_init(void)
{
	/* The loader's; by dlsym, so that we do not depend on it by name. */
	void **end = dlsym(RTLD_DEFAULT, "__libc_stack_end");

	struct rlimit limit;

	main_stack_end = end ? (uintptr_t)*end : 0;
	if (sys_call(SYS_prlimit64, 0, RLIMIT_STACK, 0, (long)&limit, 0, 0) == 0 && limit.rlim_cur < (1u << 30))
		main_stack_room = limit.rlim_cur;
}

static bool pages_readable(uintptr_t low, uintptr_t high)
{
	for (uintptr_t a = low & ~(uintptr_t)4095; a < high; a += 4096)
		if (!sys_readable((const void *)a))
			return false;
	return true;
}

/*
 * The part of this thread's stack that is known. The main thread's reaches down to its limit; glibc
 * puts a thread's control block at the top of its stack, so what lies between is stack.
 */
static void find_stack(uintptr_t sp)
{
	uintptr_t main_end = main_stack_end, self = (uintptr_t)pthread_self();

	if (sp < main_end && main_end - sp < main_stack_room) {
		thread.stack_low = main_end - main_stack_room;
		thread.stack_high = main_end;
		return;
	}
	if (sp < self && self - sp < FIRST_LOOK && !process_sandbox && pages_readable(sp, self)) {
		thread.stack_low = sp & ~(uintptr_t)4095;
		thread.stack_high = self;
	}
}

void thread_extend_stack(uintptr_t sp)
{
	uintptr_t low = thread.stack_low;

	if (sp >= low || low - sp > FURTHER_LOOK || thread.stack_high == main_stack_end || process_sandbox)
		return;
	if (pages_readable(sp, low))
		thread.stack_low = sp & ~(uintptr_t)4095;
}

static bool thread_attach(const struct frame *frame)
{
	struct shard *shard = thread.shard == &shard_nobody ? shard_get() : thread.shard;

	if (!shard)
		return false;
	thread.shard = shard;
	find_stack(frame->sp);
	return true;
}

/* busy was left set by a longjmp out of a handler: whoever set it was further down this same stack. */
static bool busy_is_stale(const struct frame *frame)
{
	return thread.busy == BUSY_HOOK && thread.busy_sp < frame->sp && thread.busy_sp >= thread.stack_low &&
	       frame->sp < thread.stack_high;
}

/* A thread's first hook. A handler of the host that allocates has to find the thread ready, or not begun. */
static bool begin_thread(const struct frame *frame, uint32_t epoch)
{
	bool blocked = !process_sandbox, attached;
	uint64_t signals;

	if (blocked)
		sys_signals_block(&signals);
	attached = thread_attach(frame);
	if (attached) {
		mode_thread(thread.shard);
		thread.epoch = epoch;
	} else {
		process_dropped(LOST_THREAD);
	}
	if (blocked)
		sys_signals_restore(&signals);
	return attached;
}

/* The thread's copy of the epoch differs from the process's: start, fork, new thread, or news. */
static bool catch_up(const struct frame *frame)
{
	uint32_t epoch = process_epoch();

	if (epoch == EPOCH_DORMANT)
		return false;
	if (epoch == EPOCH_NONE) {
		if (!(lifecycle_started() ? lifecycle_begin_child() : lifecycle_begin(frame)))
			return false;
		epoch = process_epoch();
	}
	if (thread.epoch == EPOCH_THREAD_NEW)
		return begin_thread(frame, epoch);
	stack_forget(thread.shard);
	mode_thread(thread.shard);
	thread.epoch = epoch;
	return true;
}

void thread_alone_begin(struct thread_alone *alone)
{
	alone->blocked = !process_sandbox;
	if (alone->blocked)
		sys_signals_block(&alone->signals);
	alone->was = thread.busy;
	thread.busy = BUSY_AGENT;
}

void thread_alone_end(const struct thread_alone *alone)
{
	thread.busy = alone->was;
	if (alone->blocked)
		sys_signals_restore(&alone->signals);
}

bool thread_enter(const struct frame *frame, uint32_t *was)
{
	*was = thread.busy;
	if (*was == BUSY_AGENT)
		return false;
	if (*was != BUSY_NO && busy_is_stale(frame))
		*was = BUSY_NO;
	thread.busy = *was == BUSY_NO ? BUSY_HOOK : BUSY_NESTED;
	if (*was == BUSY_NO) {
		thread.busy_sp = frame->sp;
		if (thread.epoch != process_epoch() && !catch_up(frame)) {
			thread.busy = BUSY_NO;
			return false;
		}
	}
	if (thread.epoch != EPOCH_THREAD_NEW)
		return true;
	/* A signal handler came while the thread was getting its counters. */
	if (process_epoch() >= EPOCH_FIRST)
		process_dropped(LOST_THREAD);
	thread.busy = *was;
	return false;
}

/* Room for this chunk in the directory; the old one stays readable. */
static bool chunks_grow(struct shard *shard, uint32_t chunk)
{
	uint32_t n = shard->n_chunks ? shard->n_chunks : 32;
	struct region_counters **chunks;

	while (n <= chunk)
		n *= 2;
	chunks = memory_take(n * sizeof(*chunks));
	if (!chunks)
		return false;
	for (uint32_t i = 0; i < shard->n_chunks; i++)
		chunks[i] = shard->chunks[i];
	shard->chunks = chunks;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	shard->n_chunks = n;
	return true;
}

struct region_cell *shard_cell_new(struct shard *shard, uint32_t callsite)
{
	uint32_t chunk = callsite / REGION_CELLS;
	struct region_counters *counters;

	if (shard_cell(shard, callsite))
		return shard_cell(shard, callsite);
	if (chunk >= shard->n_chunks && !chunks_grow(shard, chunk)) {
		process_dropped(LOST_REGION_FULL);
		return NULL;
	}
	if (!shard->chunks[chunk]) {
		counters = store_record(sizeof(*counters));
		if (!counters)
			return NULL;
		counters->first_callsite = chunk * REGION_CELLS;
		counters->shard = shard->id;
		store_ready(&counters->record, REGION_COUNTERS);
		shard->chunks[chunk] = counters;
	}
	return &shard->chunks[chunk]->cells[callsite % REGION_CELLS];
}

uint64_t shards_live(void)
{
	uint64_t live = 0;

	for (struct shard *s = __atomic_load_n(&shards, __ATOMIC_ACQUIRE); s; s = s->next)
		live += __atomic_load_n(&s->live, __ATOMIC_RELAXED);
	return live;
}

uint32_t shards_count(void)
{
	return __atomic_load_n(&n_shards, __ATOMIC_RELAXED);
}

void shard_peak_raise(uint64_t live)
{
	uint64_t peak = __atomic_load_n(&store->agent.peak_live_bytes, __ATOMIC_RELAXED);

	while ((int64_t)live > (int64_t)peak && !__atomic_compare_exchange_n(&store->agent.peak_live_bytes, &peak, live,
									     false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

guard_cold void shard_peak(struct shard *shard)
{
	shard_peak_raise(shards_live());
	shard->ceiling = shard->live + (shards_count() > 1 ? PEAK_STEP : 0);
}

void shards_each(void (*visit)(struct shard *shard))
{
	for (struct shard *s = __atomic_load_n(&shards, __ATOMIC_ACQUIRE); s; s = s->next)
		visit(s);
}

static void shard_postfork_child(struct shard *shard)
{
	owner_init(shard);
}

void shards_postfork_child(void)
{
	shards_each(shard_postfork_child);
	next_to_try = NULL;
	if (thread.shard != &shard_nobody)
		owner_take(thread.shard);
}
