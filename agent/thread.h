/*
 * Threads -- what each thread owns, found through one initial-exec TLS variable.
 *
 * A shard is a thread's counters and stack cache. It outlives its thread: the next new thread takes
 * it over, counts and all, so short threads leave nothing behind. A robust mutex tells that the
 * owner is gone: the kernel marks it after the thread's very last instruction, so no destructor
 * of ours runs and frees after all TLS destructors are still counted.
 */
#pragma once
#include "agent/backtrace.h"
#include "agent/process.h"
#include "agent/store.h"
#include <pthread.h>

struct stack_table;
struct stack_entry;
struct stack_part;

struct shard {
	struct shard *next;
	struct region_counters **chunks; /* by callsite / REGION_CELLS */
	uint32_t n_chunks;
	uint32_t id;
	struct stack_table *table; /* remembered stacks (stack.h): own_table, or an empty one */
	/* Allocations until the clock is looked at; counts down. */
	uint64_t countdown, countdowns; /* and the sum of what it began with */
	/* Bytes allocated less freed by this thread; mod 2^64, the sum over shards is what counts. */
	uint64_t live;
	/* Value of live above which the peak is looked at. */
	uint64_t ceiling;
	/* The stack cache's memory. */
	struct stack_table *own_table;
	char *entries; /* the half in use */
	uint64_t entries_used, entries_size;
	const struct stack_part *last_rest; /* parts of the last entry (entry.h), n_last_rest of them */
	uint32_t n_last_rest;
	uint32_t entries_half;
	uint32_t n_fills;
	uint32_t n_not_first;		     /* stacks found, but not first in their slot */
	uint64_t n_misses, allocations_then; /* since the table was last empty; allocations when it was */
	struct backtrace backtrace;
	struct backtrace nested;  /* for a signal handler that interrupts unwinding; made when first needed */
	struct stack_entry *bare; /* mode counts: that of no stack; NULL: no room */
	uint64_t random;	  /* mode sampled: state of gap_random() */
	uint64_t timed, timed_alloc, timed_free; /* hooks that were timed, and their cycles */
	pthread_mutex_t owner;
};

enum thread_busy {
	BUSY_NO = 0,
	BUSY_HOOK,   /* in slow work: a nested call comes from a signal handler of the host's */
	BUSY_NESTED, /* in slow work of such a handler */
	BUSY_AGENT,  /* the agent itself allocates (dlopen, pthread_create): not the host's business */
};

struct thread {
	uint32_t epoch;	     /* equals the process's: the fast path may be taken */
	uint32_t busy;	     /* enum thread_busy */
	struct shard *shard; /* never NULL: before the thread has one, shard_nobody's, which has nothing */
	uintptr_t busy_sp;   /* stack pointer of who set busy: below the current one, it was left by longjmp */
	uintptr_t stack_low, stack_high; /* [low, high) is known to be this thread's stack and mapped */
	/* See mode.h. */
	uint32_t mode;	       /* enum agent_mode: of this epoch */
	bool timed;	       /* the next block's hook is (governor.h) */
	bool partial;	       /* blocks without a word in the map are nothing unknown */
	int64_t until;	       /* sampled, off: bytes that need no thought; 0 in other modes */
	int64_t rest;	       /* from there on, before the next point of the sample */
	uint64_t sample_bytes; /* mean gap of this sample */
};

extern __thread struct thread thread __attribute__((tls_model("initial-exec"), visibility("hidden")));

/*
 * thread.until, found by itself: where it says all, a hook keeps no register to find the rest of its thread by. To the
 * compiler it is in another variable, which stands at the same place.
 */
extern __thread struct thread thread_again __attribute__((tls_model("initial-exec"), visibility("hidden")));

guard_inline int64_t thread_until(void)
{
	__asm__ volatile("" : : : "memory");
	return thread_again.until;
}

/* Is this address known to be on the thread's stack, and mapped? */
guard_inline bool thread_stack_has(uintptr_t address)
{
	return address >= thread.stack_low && address < thread.stack_high;
}

/* Finds the main thread's stack. Context: init. */
void threads_init(void);

/*
 * Begins slow work in a hook. True: count as usual, then thread_leave(was). False: only pass through.
 * *was gets the state to go back to. Context: any; takes no lock that blocks.
 */
bool thread_enter(const struct frame *frame, uint32_t *was);
static inline void thread_leave(uint32_t was)
{
	__atomic_store_n(&thread.busy, was, __ATOMIC_RELAXED);
}

/*
 * Between these two what passes through the hooks of this thread is the agent's own, which does not count; no handler
 * of the host comes in between. Context: any.
 */
struct thread_alone {
	uint64_t signals;
	uint32_t was;
	bool blocked;
};
void thread_alone_begin(struct thread_alone *alone);
void thread_alone_end(const struct thread_alone *alone);

/* The stack has grown below what is known of it: is what lies between mapped too? Context: thread_enter(). */
void thread_extend_stack(uintptr_t sp);

/* The counters of a callsite in this thread's shard, made if new; NULL: region full. Context: thread_enter(). */
struct region_cell *shard_cell_new(struct shard *shard, uint32_t callsite);

/* The same if they are there, else NULL. Context: any. */
guard_inline struct region_cell *shard_cell(const struct shard *shard, uint32_t callsite)
{
	uint32_t chunk = callsite / REGION_CELLS;

	if (unlikely(chunk >= shard->n_chunks) || unlikely(!shard->chunks[chunk]))
		return NULL;
	return &shard->chunks[chunk]->cells[callsite % REGION_CELLS];
}

/* Stands in for a shard until a thread has its own: every look into it leads to slow work. */
extern struct shard shard_nobody;

/* The clock is looked at after n more allocations. Context: shard of this thread. */
static inline void shard_countdown(struct shard *shard, uint64_t n)
{
	shard->countdowns += n - shard->countdown;
	shard->countdown = n;
}

/* Allocations of the shard's threads so far, mod 2^64. Context: shard of this thread. */
static inline uint64_t shard_allocations(const struct shard *shard)
{
	return shard->countdowns - shard->countdown;
}

/* Sum over the shards, mod 2^64: exact when no thread allocates. Context: any. */
uint64_t shards_live(void);
/* live has passed the ceiling: keeps the process's peak. Exact with one thread; each further one may hide 64 KB. */
guard_cold void shard_peak(struct shard *shard);
extern uint32_t n_shards guard_hidden;
/* The same in short: a heap that grows asks it for each block. False: there is more than one shard. */
guard_inline bool shard_peak_alone(struct shard *shard)
{
	int64_t live = (int64_t)shard->live;

	if (unlikely(__atomic_load_n(&n_shards, __ATOMIC_RELAXED) != 1))
		return false;
	if (live > (int64_t)__atomic_load_n(&store->agent.peak_live_bytes, __ATOMIC_RELAXED))
		__atomic_store_n(&store->agent.peak_live_bytes, (uint64_t)live, __ATOMIC_RELAXED);
	shard->ceiling = (uint64_t)live;
	return true;
}
/* The process's peak is this, where it was less. Context: any. */
void shard_peak_raise(uint64_t live);
/* How many shards there are: threads that allocated at the same time, at the most. */
uint32_t shards_count(void);
/* In a forked child: all shards but this thread's are free, and this one is held anew. */
void shards_postfork_child(void);
/* Calls for each shard. */
void shards_each(void (*visit)(struct shard *shard));
