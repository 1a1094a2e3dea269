/*
 * The sampler thread. See sampler.h.
 */
#include "agent/sampler.h"
#include "agent/blockmap.h"
#include "agent/judge.h"
#include "agent/link.h"
#include "agent/memory.h"
#include "agent/modules.h"
#include "agent/proc.h"
#include "agent/settings.h"
#include "agent/stack.h"
#include "agent/sys.h"
#include "agent/tell.h"
#include "protocol/frame.h"
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
#define STACK_SIZE (256 * 1024)
#define STACK_SIZE_LARGE (1024 * 1024) /* hosts with much static TLS */
#define SEND_WAIT_MS 1000
#define HOUR (3600 * UINT64_C(1000000000))
#define STOP_YIELDS 100000
#define LOOK_GAP (10 * MILLISECOND) /* how often the start is considered, about */
#define LOOK_MOST 8192u
#define TRIES_STRICT 1000u /* unsafe places met before a laxer rule is good enough */

static enum { NOT_YET = 0, STARTING, RUNNING, NEVER } running; /* atomic */
static int sampling;
static int stop; /* futex */
static pthread_t thread_id;
static uint64_t last_look;
static uint32_t look_step = 1, unsafe_places;
static char frame_buffer[FRAME_MAX] __attribute__((aligned(8)));

/* Makes room for one more: samples older than an hour go; if there are none, every second older one. */
static void history_room(uint64_t now)
{
	struct wire_sample *h = store->history;
	uint32_t n = store->n_history, keep = 0;

	if (n < REGION_HISTORY)
		return;
	while (keep < n && now > HOUR && h[keep].time_ns < now - HOUR)
		keep++;
	if (keep) {
		memmove(h, h + keep, (n - keep) * sizeof(*h));
		store->n_history = n - keep;
		return;
	}
	for (uint32_t i = 0; i < n / 2; i++)
		h[i] = h[2 * i + 1];
	store->n_history = n / 2;
}

static void history_add(const struct wire_sample *sample)
{
	__atomic_fetch_add(&store->history_sequence, 1, __ATOMIC_ACQ_REL);
	history_room(sample->time_ns);
	store->history[store->n_history] = *sample;
	__atomic_store_n(&store->n_history, store->n_history + 1, __ATOMIC_RELEASE);
	__atomic_fetch_add(&store->history_sequence, 1, __ATOMIC_ACQ_REL);
}

static void own_cost(struct wire_sample *sample)
{
	uint64_t used = __atomic_load_n(&store->used, __ATOMIC_RELAXED);

	sample->agent_bytes = memory_total() - blockmap_mapped() + blockmap_resident() +
			      (used < store->size ? used : store->size) -
			      (REGION_HISTORY - store->n_history) * sizeof(struct wire_sample);
	sample->agent_cpu_ns = running == RUNNING ? store->agent.cpu_ns : 0;
	store->agent.memory_bytes = sample->agent_bytes;
}

void sampler_sample(bool ask_heap, bool at_end)
{
	struct wire_sample sample = {.time_ns = proc_monotonic() - store->process.start_monotonic_ns};
	const struct region_cell *sums;
	uint64_t live;
	uint32_t n;

	if (__atomic_exchange_n(&sampling, 1, __ATOMIC_ACQUIRE))
		return; /* the thread is at it while the process exits */
	proc_sample(&sample, ask_heap);
	sums = tell_sums(&n);
	for (uint32_t i = 1; i < n; i++) {
		sample.live_bytes += sums[i].allocated_bytes - sums[i].freed_bytes;
		sample.live_blocks += sums[i].allocated_blocks - sums[i].freed_blocks;
	}
	live = store->agent.peak_live_bytes;
	if ((int64_t)sample.live_bytes > (int64_t)live)
		store->agent.peak_live_bytes = sample.live_bytes;
	own_cost(&sample);
	history_add(&sample);
	judge_sample(&sample, sums, n, at_end);
	__atomic_store_n(&sampling, 0, __ATOMIC_RELEASE);
}

static void set_option(const struct wire_header *frame)
{
	const struct wire_record *record = NULL;
	char text[OPTION_TEXT_MAX], error[256] = "";
	bool malformed = false;
	size_t length;

	while ((record = frame_next(frame, record, &malformed))) {
		length = record_size(record);
		if (record->kind != WIRE_TEXT || length >= sizeof(text))
			continue;
		memcpy(text, record_body(record, 0), length);
		text[length] = '\0';
		if (settings_change(text, error, sizeof(error)))
			judge_configure();
		else
			tell_event(EVENT_WARNING, 0, error);
	}
}

/* Answers what the analyzer asked. True: a snapshot is wanted now. */
static bool hear(void)
{
	const struct wire_header *frame = (const void *)frame_buffer;
	bool snapshot = false;

	if (!link_lock(100))
		return false;
	while (link_receive(frame_buffer) > 0) {
		if (frame->type == FRAME_SET) {
			link_unlock();
			set_option(frame);
			if (!link_lock(100))
				return true;
		}
		snapshot |= frame->type == FRAME_CHECK || frame->type == FRAME_SET;
	}
	link_unlock();
	return snapshot;
}

/* The region's descriptor again, for an analyzer that came late; only root may have it. */
static int region_descriptor(void)
{
	static const char digits[] = "0123456789abcdef";
	uint64_t ends[2] = {(uint64_t)store, (uint64_t)store};
	char path[80] = "/proc/self/map_files/";
	struct region_view view = store_view();
	size_t n = strlen(path);

	ends[1] += view.size;
	for (int e = 0; e < 2; e++) {
		bool begun = false;

		for (int shift = 60; shift >= 0; shift -= 4) {
			begun |= ends[e] >> shift & 15;
			if (begun)
				path[n++] = digits[ends[e] >> shift & 15];
		}
		path[n++] = e ? '\0' : '-';
	}
	return (int)sys3(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
}

static void find_analyzer(void)
{
	int fd = region_descriptor();

	if (tell_hello(fd))
		tell_snapshot(FRAME_SNAPSHOT, SEND_WAIT_MS);
	if (fd >= 0)
		sys3(SYS_close, fd, 0, 0);
}

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

/* Until `due` or until the analyzer says something. */
static void wait_until(uint64_t due)
{
	static bool main_has_ended;
	uint64_t now = proc_monotonic(), most = main_has_ended ? SOON : LONGEST_SLEEP;
	struct pollfd p = {.fd = link_descriptor(), .events = POLLIN};
	uint64_t time = due <= now ? 0 : due - now > most ? most : due - now;
	struct timespec wait = {(time_t)(time / 1000000000u), (long)(time % 1000000000u)};

	if (p.fd >= 0)
		sys3(SYS_poll, &p, 1, (time + MILLISECOND - 1) / MILLISECOND);
	else
		sys_call(SYS_futex, (long)&stop, FUTEX_WAIT_PRIVATE, 0, (long)&wait, 0, 0);
	if (__atomic_load_n(&stop, __ATOMIC_ACQUIRE))
		return;
	end_with_last_thread(&main_has_ended);
}

static void note_transition(uint8_t *state)
{
	static const char *const names[N_VERDICTS] = {"inconclusive", "stable",	   "leak",    "growth",
						      "warm_up",      "retention", "external"};

	if (*state != store->verdict.state && store->verdict.state < N_VERDICTS)
		tell_event(EVENT_VERDICT, store->verdict.state, names[store->verdict.state]);
	*state = store->verdict.state;
}

static void *sampler_main(void *unused)
{
	uint64_t now = proc_monotonic(), next_sample = now, next_try = now;
	uint8_t state = VERDICT_INCONCLUSIVE;
	bool asked = false;

	(void)unused;
	thread.busy = BUSY_AGENT;
	link_own_table();
	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
		now = proc_monotonic();
		if (!link_is_open() && now >= next_try) {
			next_try = now + RETRY;
			find_analyzer();
		}
		if (asked || now >= next_sample) {
			if (now >= next_sample)
				next_sample = now + options.interval;
			sampler_sample(true, false);
			store->agent.cpu_ns = proc_thread_cpu();
			note_transition(&state);
			tell_snapshot(FRAME_SNAPSHOT, SEND_WAIT_MS);
		}
		wait_until(link_is_open() || next_sample < next_try ? next_sample : next_try);
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

void sampler_stop(void)
{
	struct timespec end;
	int state;

	if (!must_stop())
		return;
	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	sys_call(SYS_futex, (long)&stop, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
	if (link_descriptor() >= 0)
		sys3(SYS_shutdown, link_descriptor(), 0 /* SHUT_RD: ends a poll, what was sent stays */, 0);
	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec++;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	pthread_timedjoin_np(thread_id, NULL, &end);
	pthread_setcancelstate(state, NULL);
	__atomic_store_n(&running, NEVER, __ATOMIC_RELEASE);
}

static bool thread_start(size_t stack_size)
{
	pthread_attr_t attributes;
	sigset_t all, old;
	int r;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, stack_size);
	if (sched_getscheduler(0) != SCHED_OTHER) {
		struct sched_param normal = {0};

		pthread_attr_setinheritsched(&attributes, PTHREAD_EXPLICIT_SCHED);
		pthread_attr_setschedpolicy(&attributes, SCHED_OTHER);
		pthread_attr_setschedparam(&attributes, &normal);
	}
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&thread_id, &attributes, sampler_main, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attributes);
	if (!r)
		pthread_setname_np(thread_id, "libguard");
	return r == 0;
}

/*
 * May a thread be made here? Not while the host is inside the loader or the thread library: their
 * locks may be held. A C library frame is fine at the leaf (strdup) and at the root (main's caller).
 */
static bool is_safe_place(struct shard *shard, const struct frame *frame)
{
	uint32_t libc_inside = 0;
	const struct backtrace *b = stack_unwind(shard, frame, false);

	for (uint32_t i = 0; i < b->n_frames; i++) {
		if (module_is_loader(b->frames[i]))
			return false;
		libc_inside += i > 0 && i + 2 < b->n_frames && module_is_libc(b->frames[i]);
	}
	return (!libc_inside && !(b->flags & STACK_INCOMPLETE)) || unsafe_places > TRIES_STRICT;
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
	int no = NOT_YET;
	bool started;

	if (__atomic_load_n(&running, __ATOMIC_ACQUIRE) || process_sandbox) {
		shard->countdown = UINT64_MAX;
		return;
	}
	now = proc_monotonic();
	shard->countdown = next_look(now);
	if (now - store->process.start_monotonic_ns < options.start_delay && shards_count() < 2)
		return;
	if (!is_safe_place(shard, frame)) {
		unsafe_places++;
		shard->countdown = 1;
		return;
	}
	if (!__atomic_compare_exchange_n((int *)&running, &no, STARTING, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		return;
	thread.busy = BUSY_AGENT;
	started = thread_start(STACK_SIZE) || thread_start(STACK_SIZE_LARGE);
	__atomic_store_n(&running, started ? RUNNING : NEVER, __ATOMIC_RELEASE);
	shard->countdown = UINT64_MAX;
}

static void countdown_begin(struct shard *shard)
{
	shard->countdown = 1;
}

void sampler_postfork_child(void)
{
	running = NOT_YET;
	stop = 0;
	shards_each(countdown_begin);
	sampling = 0;
	last_look = 0;
	look_step = 1;
	unsafe_places = 0;
	store->n_history = 0;
	store->history_sequence = 0;
	memset(&store->verdict, 0, sizeof(store->verdict));
	judge_reset();
}
