/*
 * Looks. See look.h.
 */
#include "agent/look.h"
#include "agent/blockmap.h"
#include "agent/estimate.h"
#include "agent/giveback.h"
#include "agent/governor.h"
#include "agent/history.h"
#include "agent/judge.h"
#include "agent/mappings.h"
#include "agent/memory.h"
#include "agent/proc.h"
#include "agent/store.h"
#include "agent/sys.h"
#include "agent/tell.h"
#include "agent/thread.h"
#include <time.h>

#define MILLISECOND 1000000
#define SEND_WAIT_MS 1000

static int turn;	   /* a lock */
static uint8_t told_state; /* of the verdict, at the last EVENT */
static struct sums sums;   /* of this look */

static void own_cost(struct wire_sample *sample)
{
	uint64_t used = __atomic_load_n(&store->used, __ATOMIC_RELAXED);

	sample->agent_bytes = memory_total() - blockmap_mapped() + blockmap_resident() +
			      (used < store->size ? used : store->size) -
			      (REGION_HISTORY - store->n_history) * sizeof(struct wire_sample);
	sample->agent_cpu_ns = store->agent.cpu_ns;
	store->agent.memory_bytes = sample->agent_bytes;
}

/* Whose turn it is to look at the process: the thread's, or that of who begins or ends it. */
static bool turn_take(int wait_ms)
{
	struct timespec millisecond = {0, MILLISECOND};

	while (__atomic_exchange_n(&turn, 1, __ATOMIC_ACQUIRE)) {
		if (wait_ms-- <= 0)
			return false;
		sys3(SYS_nanosleep, &millisecond, 0, 0);
	}
	return true;
}

static void turn_give(void)
{
	__atomic_store_n(&turn, 0, __ATOMIC_RELEASE);
}

enum when { AT_START, REGULARLY, AT_END };

/* One sample, judged; the sums it takes are for the snapshot too. Mappings are dear: not in the host's own threads. */
static struct region_cell look(bool ask_heap, enum when when)
{
	struct wire_sample sample = {.time_ns = proc_monotonic() - store->process.start_monotonic_ns};
	struct region_cell total;

	proc_sample(&sample, ask_heap);
	sums_take(&sums);
	total = estimate_total(sums_cells(&sums), sums.n);
	sample.live_bytes = total.allocated_bytes - total.freed_bytes;
	sample.live_blocks = total.allocated_blocks - total.freed_blocks;
	shard_peak_raise(sample.live_bytes);
	own_cost(&sample);
	history_add(&sample);
	if (when == REGULARLY)
		mappings_look(&sample);
	judge_sample(&sample, estimate(sums_cells(&sums), sums.n), sums.n, when == AT_END);
	return total;
}

void look_read(void)
{
	uint64_t begun = proc_thread_cpu();

	if (!turn_take(0))
		return;
	sums_take(&sums);
	judge_read(proc_monotonic() - store->process.start_monotonic_ns, estimate(sums_cells(&sums), sums.n), sums.n);
	judge_spent(proc_thread_cpu() - begun);
	turn_give();
}

uint64_t look_due(void)
{
	uint64_t due = judge_due();

	return due == UINT64_MAX ? due : due + store->process.start_monotonic_ns;
}

void look_first(bool ask_heap)
{
	if (!turn_take(0))
		return;
	look(ask_heap, AT_START);
	turn_give();
}

void look_last(int wait_ms)
{
	bool had;

	__atomic_store_n(&judge_hurry, 1, __ATOMIC_RELAXED);
	had = turn_take(wait_ms);
	__atomic_store_n(&judge_hurry, 0, __ATOMIC_RELAXED);
	if (!had)
		return;
	look(false, AT_END);
	tell_snapshot(FRAME_FINAL, 0, &sums, wait_ms);
	turn_give();
}

static void note_transition(void)
{
	static const char *const names[N_VERDICTS] = {"inconclusive", "stable",	   "leak",    "growth",
						      "warm_up",      "retention", "external"};

	if (told_state != store->verdict.state && store->verdict.state < N_VERDICTS)
		tell_event(EVENT_VERDICT, store->verdict.state, names[store->verdict.state]);
	told_state = store->verdict.state;
}

void look_regularly(bool asked)
{
	static bool owed; /* what could not be sent is the next one's to answer */
	struct region_cell total;

	owed |= asked;
	if (!turn_take(SEND_WAIT_MS))
		return;
	total = look(true, REGULARLY);
	governor_look(&total);
	store->agent.cpu_ns = proc_thread_cpu();
	note_transition();
	if (tell_snapshot(FRAME_SNAPSHOT, owed ? FRAME_ANSWER : 0, &sums, SEND_WAIT_MS))
		owed = false;
	giveback_regularly(&judge_hurry);
	turn_give();
}

bool look_mark(const char *name, int wait_ms)
{
	uint64_t now;

	if (!turn_take(wait_ms))
		return false;
	now = proc_monotonic() - store->process.start_monotonic_ns;
	sums_take(&sums);
	judge_mark(now, estimate(sums_cells(&sums), sums.n), sums.n);
	tell_event(EVENT_MARK, store->detector.marks, name);
	note_transition();
	turn_give();
	return true;
}

void look_tell(void)
{
	if (!turn_take(SEND_WAIT_MS))
		return;
	sums_take(&sums);
	tell_snapshot(FRAME_SNAPSHOT, 0, &sums, SEND_WAIT_MS);
	turn_give();
}

void look_postfork_child(void)
{
	turn = 0;
	told_state = VERDICT_INCONCLUSIVE;
	sums_postfork_child(&sums);
	history_postfork_child();
	judge_postfork_child();
	governor_postfork_child();
	mappings_postfork_child();
}
