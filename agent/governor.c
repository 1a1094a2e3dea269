/*
 * The governor. See governor.h.
 */
#include "agent/governor.h"
#include "agent/account.h"
#include "agent/clock.h"
#include "agent/mode.h"
#include "agent/proc.h"
#include "agent/tell.h"
#include "protocol/quantity.h"
#include <x86intrin.h>

#define TICKS_DOWN 3u
#define PATIENCE 16u /* looks before the first step back */
#define PATIENCE_MOST 4096u
#define LEAST_CPU 5000000   /* ns of the process: less tells nothing */
#define CYCLES_MOST 100000u /* a timed hook that took longer was interrupted */
#define SAMPLE_BYTES_MOST (UINT64_C(1) << 30)
#define LOOP 256u
#define REPEATS 8u
#define REMEMBERED 1u /* in place of a clock: the stack is known */

/* What was known at a look. */
struct reading {
	uint64_t process_ns, own_ns, monotonic_ns, cycles;
	uint64_t allocated, freed;		   /* blocks */
	uint64_t timed, alloc_cycles, free_cycles; /* of the shards together */
};

static struct reading last;
static struct governor_watch watch;
static uint32_t level;
static bool running;
static double clock_cost;		 /* cycles to read the clock */
static double pass_cycles;		 /* a pair that mode sampled does not meet */
static double alloc_cycles, free_cycles; /* means of the last look that had any */
static double exact_cycles;		 /* a pair in mode exact, when it was last in it */

static uint64_t cycles_now(void)
{
	_mm_lfence();
	return __rdtsc();
}

enum governor_step governor_decide(struct governor_watch *w, double share, double asked, double budget)
{
	if (share > budget) {
		w->below = 0;
		if (++w->above < TICKS_DOWN)
			return GOVERNOR_STAY;
		w->above = 0;
		return GOVERNOR_DOWN;
	}
	w->above = 0;
	if (asked < 0 || asked > budget / 2) {
		w->below = 0;
		return GOVERNOR_STAY;
	}
	if (++w->below < w->patience)
		return GOVERNOR_STAY;
	w->below = 0;
	w->patience = w->patience < PATIENCE_MOST / 2 ? w->patience * 2 : PATIENCE_MOST;
	return GOVERNOR_UP;
}

bool governor_mode(uint32_t steps, uint32_t *mode, uint64_t *sample_bytes)
{
	uint32_t eightfold = options.mode == MODE_EXACT ? steps - 1 : steps;

	*mode = options.mode;
	*sample_bytes = options.sample_bytes;
	if (!steps)
		return true;
	if (options.mode > MODE_SAMPLED || eightfold > 3)
		return false;
	*mode = eightfold < 3 ? MODE_SAMPLED : MODE_COUNTS;
	if (*mode == MODE_SAMPLED)
		*sample_bytes <<= 3 * eightfold;
	if (*sample_bytes > SAMPLE_BYTES_MOST)
		*sample_bytes = SAMPLE_BYTES_MOST;
	return true;
}

void governor_time_next(struct shard *shard)
{
	if (process_sandbox || thread.mode == MODE_SAMPLED || thread.mode == MODE_OFF)
		return;
	if (shard->countdown > TIMED_EVERY)
		shard->countdown = TIMED_EVERY;
	thread.timed = true;
	stack_disown(shard);
}

uint64_t governor_begin(struct shard *shard, uintptr_t sp)
{
	if (thread.mode == MODE_SAMPLED)
		return cycles_now();
	thread.timed = false;
	if (thread.mode == MODE_EXACT) {
		/* If another thread has disowned it meanwhile, either we see the new epoch or that comes last. */
		__atomic_store_n(&shard->table, shard->own_table, __ATOMIC_SEQ_CST);
		if (__atomic_load_n(&process_page.epoch, __ATOMIC_SEQ_CST) != thread.epoch)
			stack_disown(shard);
		if (!stack_lookup(shard, sp))
			return cycles_now();
	}
	return REMEMBERED;
}

/* What counting a remembered block does, but for writing its word. Cycles. */
static uint64_t repeat_alloc(struct shard *shard, uintptr_t sp, uintptr_t block, struct region_cell *cell)
{
	uint64_t begun = cycles_now();

	for (unsigned i = 0; i < REPEATS; i++) {
		const struct stack_entry *e = stack_lookup(shard, sp);
		uint64_t *slot = blockmap_slot(block, 0);

		counter_add(&cell->allocated_blocks, 0);
		counter_add(&cell->allocated_bytes, 0);
		__asm__ volatile("" : : "r"(e), "r"(slot) : "memory");
	}
	return (cycles_now() - begun) / REPEATS;
}

/* The same for its free. */
static uint64_t repeat_free(struct shard *shard, uintptr_t block)
{
	uint64_t begun = cycles_now();

	for (unsigned i = 0; i < REPEATS; i++) {
		const uint64_t *slot = blockmap_find(block);
		struct region_cell *cell = slot ? shard_cell(shard, BLOCK_CALLSITE(*slot)) : NULL;

		if (cell) {
			counter_add(&cell->freed_blocks, 0);
			counter_add(&cell->freed_bytes, 0);
			counter_sub(&shard->live, 0);
		}
		__asm__ volatile("" : : : "memory");
	}
	return (cycles_now() - begun) / REPEATS;
}

void governor_end(struct shard *shard, uint64_t begun, uintptr_t sp, uintptr_t block)
{
	uint64_t counted = cycles_now(), *slot = blockmap_find(block), alloc = counted - begun, freed;
	struct region_cell *cell = slot ? shard_cell(shard, BLOCK_CALLSITE(*slot)) : NULL;

	if (begun == REMEMBERED)
		alloc = cell ? repeat_alloc(shard, sp, block, cell) : CYCLES_MOST;
	else
		alloc -= alloc > clock_cost ? clock_cost : alloc;
	freed = cell ? repeat_free(shard, block) : 0;
	if (alloc >= CYCLES_MOST || freed >= CYCLES_MOST)
		return;
	shard->timed_alloc += alloc;
	shard->timed_free += freed;
	shard->timed++;
}

static struct reading now;

static void add_shard(struct shard *shard)
{
	now.timed += __atomic_load_n(&shard->timed, __ATOMIC_RELAXED);
	now.alloc_cycles += __atomic_load_n(&shard->timed_alloc, __ATOMIC_RELAXED);
	now.free_cycles += __atomic_load_n(&shard->timed_free, __ATOMIC_RELAXED);
}

static void read_all(const struct region_cell *total)
{
	now = (struct reading){.process_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID),
			       .own_ns = proc_thread_cpu(),
			       .monotonic_ns = proc_monotonic(),
			       .cycles = cycles_now(),
			       .allocated = total->allocated_blocks,
			       .freed = total->freed_blocks};
	shards_each(add_shard);
}

/*
 * The hooks of a block that mode sampled does not meet: the very code, with this thread's countdown. (But for a free
 * where there is no census: it tells with a few instructions more that there is no word.)
 */
static double time_pass(void)
{
	const uint64_t *slot;
	uint64_t begun, ended;
	bool passed, freed;

	thread.epoch = process_epoch();
	thread.until = INT64_MAX / 4;
	begun = cycles_now();
	for (unsigned i = 0; i < LOOP; i++) {
		passed = account_may_pass(64) && account_passes(64, 0);
		freed = account_free(&slot, &slot);
		__asm__ volatile("" : : "r"(passed), "r"(freed) : "memory");
	}
	ended = cycles_now();
	thread.until = 0;
	thread.epoch = EPOCH_THREAD_NEW;
	return (double)(ended - begun) / LOOP;
}

static void begin(void)
{
	uint64_t least = UINT64_MAX, c;
	double pass;

	for (unsigned i = 0; i < LOOP; i++) {
		c = cycles_now();
		c = cycles_now() - c;
		least = c < least ? c : least;
	}
	clock_cost = least;
	pass_cycles = time_pass();
	for (unsigned i = 0; i < 4; i++) {
		pass = time_pass();
		pass_cycles = pass < pass_cycles ? pass : pass_cycles;
	}
	watch = (struct governor_watch){.patience = PATIENCE};
	last = now;
	running = true;
}

static double above(double value, double less)
{
	return value > less ? value - less : 0;
}

/* Cycles of the hooks since the last look. */
static double hook_cycles(void)
{
	double allocated = (double)(int64_t)(now.allocated - last.allocated);
	double freed = (double)(int64_t)(now.freed - last.freed), timed = (double)(now.timed - last.timed);

	if (timed > 0) {
		alloc_cycles = (double)(now.alloc_cycles - last.alloc_cycles) / timed;
		free_cycles = (double)(now.free_cycles - last.free_cycles) / timed;
	}
	allocated = above(allocated, 0);
	freed = above(freed, 0);
	if (mode_now() == MODE_SAMPLED)
		return timed * (alloc_cycles + free_cycles) + (allocated + freed) * pass_cycles / 2;
	if (mode_now() == MODE_EXACT)
		exact_cycles = alloc_cycles + free_cycles;
	return mode_now() == MODE_OFF ? 0 : allocated * alloc_cycles + freed * free_cycles;
}

static void tell_step(double share)
{
	char line[160];
	struct text t = {line, sizeof(line), 0};
	static const char *const modes[N_MODES] = {"exact", "sampled", "counts", "off"};

	text_put_string(&t, "overhead_budget ");
	quantity_print_fraction(&t, options.overhead_budget);
	text_put_string(&t, ", own cost ");
	quantity_print_fraction(&t, (double)(uint64_t)(share * 1000 + 0.5) / 1000);
	text_put_string(&t, ": now mode ");
	text_put_string(&t, modes[mode_now()]);
	if (mode_now() == MODE_SAMPLED) {
		text_put_string(&t, ", sample_bytes ");
		quantity_print_size(&t, store->agent.sample_bytes);
	}
	tell_event(EVENT_ACTION, mode_now(), line);
}

static void step(enum governor_step step, double share)
{
	uint32_t to = step == GOVERNOR_UP ? 0 : level + 1, mode;
	uint64_t sample_bytes;

	if (step == GOVERNOR_STAY || !governor_mode(to, &mode, &sample_bytes))
		return;
	level = to;
	store->agent.governed = 1;
	mode_set(mode, sample_bytes);
	tell_step(share);
}

void governor_look(const struct region_cell *total)
{
	double ns, process, own, hooks, blocks, share;

	if (!(options.overhead_budget > 0) || process_sandbox) {
		running = false;
		return;
	}
	read_all(total);
	if (!running)
		begin();
	process = (double)(now.process_ns - last.process_ns);
	if (process < LEAST_CPU)
		return;
	ns = (double)(now.monotonic_ns - last.monotonic_ns) / (double)(now.cycles - last.cycles);
	own = (double)(now.own_ns - last.own_ns);
	hooks = hook_cycles() * ns;
	blocks = (double)(int64_t)(now.allocated - last.allocated);
	store->agent.hooks_ns += (uint64_t)hooks;
	share = own + hooks < process ? (own + hooks) / process : 1;
	last = now;
	step(governor_decide(&watch, share, level ? (own + above(blocks, 0) * exact_cycles * ns) / process : -1,
			     options.overhead_budget),
	     share);
}

void governor_configure(bool mode_changed)
{
	if (mode_changed)
		level = 0;
	if (level && !(options.overhead_budget > 0)) {
		level = 0;
		mode_set(options.mode, options.sample_bytes);
	}
	/* For threads that do not count down yet. */
	if (!running && options.overhead_budget > 0) {
		process_epoch_advance();
		shards_each(stack_disown);
	}
}

void governor_postfork_child(void)
{
	running = false;
}
