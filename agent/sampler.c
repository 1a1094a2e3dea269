/*
 * The sampler thread. See sampler.h.
 */
#include "agent/sampler.h"
#include "agent/hear.h"
#include "agent/link.h"
#include "agent/look.h"
#include "agent/memory.h"
#include "agent/modules.h"
#include "agent/proc.h"
#include "agent/stack.h"
#include "agent/sys.h"
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#define MILLISECOND UINT64_C(1000000)
#define RETRY (1000 * MILLISECOND)	   /* between two tries to find an analyzer */
#define LONGEST_SLEEP (5000 * MILLISECOND) /* between two looks whether the host's threads are gone */
#define SOON (20 * MILLISECOND)
#define POLL_MOST (200 * MILLISECOND)
#define PAUSES_MOST 8 /* then the thread stays away: such a host changes its privileges all the time */
#define STACK_SIZE (256 * 1024)
#define STACK_SIZE_LARGE (1024 * 1024) /* hosts with much static TLS */
#define STOP_YIELDS 100000
#define LOOK_GAP (10 * MILLISECOND) /* how often the start is considered, about */
#define LOOK_MOST 8192u
#define TRIES_STRICT 1000u /* unsafe places met before a laxer rule is good enough */

static enum { NOT_YET = 0, STARTING, RUNNING, NEVER } running; /* atomic */
static int stop;					       /* futex */
static pthread_t thread_id;
static uint64_t last_look, paused_at;
static uint32_t look_step = 1, unsafe_places;

/*
 * Where the main thread has ended, the process lives as long as its other threads, and we are not one of
 * them: the last would have called exit(0), so we do. (Where it left by pthread_exit we are gone already.)
 */
static void end_with_last_thread(bool *main_has_ended)
{
	unsigned threads = proc_threads_after_main();

	*main_has_ended = threads > 0;
	if (threads != 1)
		return;
	thread.busy = BUSY_NO;
	exit(0);
}

static uint64_t earliest(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Until `due` or until the analyzer says something. */
static void wait_until(uint64_t due)
{
	static bool main_has_ended;
	uint64_t now = proc_monotonic(), most = main_has_ended ? SOON : LONGEST_SLEEP;
	struct pollfd p = {.fd = link_descriptor(), .events = POLLIN};
	uint64_t time = due <= now ? 0 : due - now > most ? most : due - now, end = now + time;
	struct timespec wait = {(time_t)(time / 1000000000u), (long)(time % 1000000000u)};

	/* Nothing but time ends a poll for one who waits for our end. */
	for (; p.fd >= 0 && !__atomic_load_n(&stop, __ATOMIC_ACQUIRE); time = end - now) {
		if (sys3(SYS_poll, &p, 1, (earliest(time, POLL_MOST) + MILLISECOND - 1) / MILLISECOND))
			break;
		if ((now = proc_monotonic()) >= end)
			break;
	}
	if (p.fd < 0)
		sys_call(SYS_futex, (long)&stop, FUTEX_WAIT_PRIVATE, 0, (long)&wait, 0, 0);
	if (__atomic_load_n(&stop, __ATOMIC_ACQUIRE))
		return;
	end_with_last_thread(&main_has_ended);
}

static void *sampler_main(void *unused)
{
	uint64_t now = proc_monotonic(), next_sample = now, next_try = now;
	bool asked = false;

	(void)unused;
	thread.busy = BUSY_AGENT;
	link_own_table();
	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
		now = proc_monotonic();
		if (!link_is_open() && now >= next_try) {
			next_try = now + RETRY;
			hear_find_analyzer();
		}
		if (asked || now >= next_sample) {
			if (now >= next_sample)
				next_sample = now + options.interval;
			look_regularly(asked);
		} else if (now >= look_due()) {
			look_read();
		}
		wait_until(earliest(earliest(next_sample, look_due()), link_is_open() ? UINT64_MAX : next_try));
		asked = link_is_open() && hear();
		if (next_sample > proc_monotonic() + options.interval)
			next_sample = proc_monotonic() + options.interval; /* SET has shortened it */
	}
	return NULL;
}

/* Is there a thread to stop? If not, there never will be one. */
static bool must_stop(void)
{
	int was = NOT_YET;

	for (int i = 0; i < STOP_YIELDS; i++) {
		was = NOT_YET;
		if (__atomic_compare_exchange_n((int *)&running, &was, NEVER, false, __ATOMIC_ACQ_REL,
						__ATOMIC_ACQUIRE))
			return false;
		if (was != STARTING)
			break;
		sys3(SYS_sched_yield, 0, 0, 0);
	}
	return was == RUNNING;
}

/* Ends the thread and waits until it is gone, a second at the most. False: it is not yet. */
static bool thread_end(void)
{
	uint64_t end = proc_realtime() + 1000000000u;
	struct timespec until = {(time_t)(end / 1000000000u), (long)(end % 1000000000u)};
	int state, r;

	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	sys_call(SYS_futex, (long)&stop, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	r = pthread_timedjoin_np(thread_id, NULL, &until);
	pthread_setcancelstate(state, NULL);
	return r == 0;
}

void sampler_stop(void)
{
	if (!must_stop())
		return;
	if (link_descriptor() >= 0)
		sys3(SYS_shutdown, link_descriptor(), 0 /* SHUT_RD: ends a poll, what was sent stays */, 0);
	thread_end();
	__atomic_store_n(&running, NEVER, __ATOMIC_RELEASE);
}

void sampler_pause(void)
{
	static unsigned pauses;
	int was = RUNNING;
	bool again;

	if (!__atomic_compare_exchange_n((int *)&running, &was, STARTING, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		return;
	again = thread_end() && ++pauses < PAUSES_MOST;
	if (again) {
		paused_at = proc_monotonic();
		__atomic_store_n(&stop, 0, __ATOMIC_RELEASE);
		shard_countdown(thread.shard, 1);
	}
	__atomic_store_n(&running, again ? NOT_YET : NEVER, __ATOMIC_RELEASE);
}

static bool thread_start(size_t stack_size)
{
	pthread_attr_t attributes;
	int r;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, stack_size);
	if (sched_getscheduler(0) != SCHED_OTHER) {
		struct sched_param normal = {0};

		pthread_attr_setinheritsched(&attributes, PTHREAD_EXPLICIT_SCHED);
		pthread_attr_setschedpolicy(&attributes, SCHED_OTHER);
		pthread_attr_setschedparam(&attributes, &normal);
	}
	r = pthread_create(&thread_id, &attributes, sampler_main, NULL);
	pthread_attr_destroy(&attributes);
	if (!r)
		pthread_setname_np(thread_id, "libguard");
	return r == 0;
}

/* Where the root begins: _start and the two functions of libc that call main, or those two that call a thread's. */
static uint32_t root_of(const struct backtrace *b)
{
	uint32_t n = b->n_frames;

	if (n && !module_is_libc(b->frames[n - 1]))
		n--;
	for (unsigned i = 0; i < 2 && n && module_is_libc(b->frames[n - 1]); i++)
		n--;
	return n;
}

/*
 * May a thread be made here? Not while the host is inside the loader or the thread library: their
 * locks may be held. A C library frame is fine at the leaf (strdup) and at the root (main's caller). Where no
 * better place comes, one inside other functions of the C library must do (qsort), or a stack whose end is not seen;
 * but never a signal handler: its stack ends in the C library, with more behind it.
 */
static bool is_safe_place(struct shard *shard, const struct frame *frame)
{
	uint32_t libc_inside = 0, root;
	const struct backtrace *b = stack_unwind(shard, frame, false);

	if (!b)
		return false;
	root = root_of(b);
	for (uint32_t i = 0; i < b->n_frames; i++) {
		if (module_is_loader(b->frames[i]))
			return false;
		libc_inside += i > 0 && i < root && module_is_libc(b->frames[i]);
	}
	if (b->flags & STACK_INCOMPLETE && module_is_libc(b->frames[b->n_frames - 1]))
		return false;
	return (!libc_inside && !b->flags) || unsafe_places > TRIES_STRICT;
}

/* Adapts the countdown to the host's pace, so that the clock is read about every LOOK_GAP. */
static uint64_t next_look(uint64_t now)
{
	if (now - last_look < LOOK_GAP)
		look_step = look_step < LOOK_MOST ? look_step * 2 : LOOK_MOST;
	else
		look_step = look_step > 1 ? look_step / 4 + 1 : 1;
	last_look = now;
	return look_step;
}

void sampler_consider(struct shard *shard, const struct frame *frame)
{
	uint64_t now;
	sigset_t all, old;
	int no = NOT_YET;
	bool started;

	if (__atomic_load_n(&running, __ATOMIC_ACQUIRE) || process_sandbox) {
		shard_countdown(shard, UINT64_MAX);
		return;
	}
	now = proc_monotonic();
	shard_countdown(shard, next_look(now));
	if (now - store->process.start_monotonic_ns < options.start_delay && shards_count() < 2)
		return;
	if (paused_at && now - paused_at < options.start_delay)
		return;
	if (!is_safe_place(shard, frame)) {
		unsafe_places++;
		shard_countdown(shard, 1);
		return;
	}
	if (!__atomic_compare_exchange_n((int *)&running, &no, STARTING, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		return;
	/* For the new thread; and so that what a handler of the host allocates meanwhile is not taken for ours. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	thread.busy = BUSY_AGENT;
	started = thread_start(STACK_SIZE) || thread_start(STACK_SIZE_LARGE);
	thread.busy = BUSY_HOOK;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	__atomic_store_n(&running, started ? RUNNING : NEVER, __ATOMIC_RELEASE);
	shard_countdown(shard, UINT64_MAX);
}

static void countdown_begin(struct shard *shard)
{
	shard_countdown(shard, 1);
}

void sampler_postfork_child(void)
{
	running = NOT_YET;
	stop = 0;
	shards_each(countdown_begin);
	last_look = 0;
	look_step = 1;
	unsafe_places = 0;
	look_postfork_child();
}
