/*
 * Tests of the agent as a whole, in one program instead of preloaded: threads that allocate, resize and free each
 * other's blocks through the hooks' own fast path, while the sampler's thread looks, epochs advance and others sum.
 * The counts have to be exact, and ThreadSanitizer, which nothing can be preloaded into, content.
 */
#include "agent/account.h"
#include "agent/look.h"
#include "agent/real.h"
#include "agent/unwind.h"
#include "protocol/snapshot.h"
#include "tests/unit/agent/agent.h"

#define THREADS 4
#define OPERATIONS 20000
#define SLOTS 64
#define REGION_SIZE (UINT64_C(256) << 20)

#define NOINLINE __attribute__((noinline, noclone))
#define CALLER_SP ((uintptr_t)__builtin_frame_address(0) + STACK_BASE)

/* A reader steps over lines that have no length yet, whatever another writes there (protocol/region.c). */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
	return "race:region_next_ready\n";
}

static void *slots[SLOTS];
static unsigned working;
static uint64_t blocks, bytes, sizes_freed, blocks_freed; /* atomic: the truth */

static void add(uint64_t *sum, uint64_t n)
{
	__atomic_fetch_add(sum, n, __ATOMIC_RELAXED);
}

/*
 * The allocator orders who freed an address before who gets it. ThreadSanitizer's own does too, but does not tell: so
 * this does, by a key for some addresses together.
 */
static char keys[4096];

static void *key_of(const void *p)
{
	return &keys[(uintptr_t)p / 16 % sizeof(keys)];
}

static void *heap_malloc(size_t size)
{
	void *p = malloc(size);

	order_acquire(key_of(p));
	return p;
}

static void heap_free(void *p)
{
	order_release(key_of(p));
	free(p);
}

static void *heap_realloc(void *p, size_t size)
{
	void *q;

	order_release(key_of(p));
	q = realloc(p, size);
	order_acquire(key_of(q));
	return q;
}

/* As in interpose.c; a block begins with its size, so that the one who frees it knows. */
NOINLINE static void *guarded_malloc(size_t size)
{
	void *p = heap_malloc(size);

	add(&blocks, 1);
	add(&bytes, size);
	*(size_t *)p = size;
	return account_alloc(p, size, CALLER_SP, 0);
}

NOINLINE static void guarded_free(void *p)
{
	const uint64_t *slot;

	add(&blocks_freed, 1);
	add(&sizes_freed, *(size_t *)p);
	if (!account_free(p, &slot))
		account_free_other(p, CALLER_SP, slot);
	else
		heap_free(p);
}

NOINLINE static void *guarded_realloc(void *p, size_t size)
{
	struct taken taken = account_take(p, CALLER_SP);
	size_t before = *(size_t *)p;
	void *q = heap_realloc(p, size);

	add(&blocks, 1);
	add(&bytes, size);
	add(&blocks_freed, 1);
	add(&sizes_freed, before);
	*(size_t *)q = size;
	if (taken.word)
		account_taken(taken, p, CALLER_SP);
	return account_alloc(q, size, CALLER_SP, taken.word);
}

/* Stacks of several shapes, so that callsites are made and found by all threads. */
NOINLINE static void *allocate(unsigned shape, size_t size)
{
	void *p = shape & 7 ? allocate(shape - 1, size) : guarded_malloc(size);

	__asm__ volatile("" : "+r"(p));
	return p;
}

/* This thread's counters, which never ask whether the sampler's thread is to start: the test has its own. */
static void attach(void)
{
	const struct frame frame = {.sp = CALLER_SP};
	uint32_t was;

	if (!thread_enter(&frame, &was))
		abort();
	thread_leave(was);
	thread.shard->countdown = UINT64_MAX;
}

static void *work(void *number)
{
	uint64_t state = 1 + (uintptr_t)number;

	attach();

	for (unsigned i = 0; i < OPERATIONS; i++) {
		uint64_t draw = random_next(&state);
		size_t size = 8 + (draw >> 8) % (draw & 64 ? 200 : 20000);
		void *p = __atomic_exchange_n(&slots[draw % SLOTS], NULL, __ATOMIC_ACQ_REL);

		if (p && (draw >> 32) % 4 == 0)
			p = guarded_realloc(p, size);
		else if (p)
			guarded_free(p), p = NULL;
		else
			p = allocate((unsigned)(draw >> 40), size);
		p = p ? __atomic_exchange_n(&slots[(draw >> 16) % SLOTS], p, __ATOMIC_ACQ_REL) : NULL;
		if (p)
			guarded_free(p);
	}
	__atomic_fetch_sub(&working, 1, __ATOMIC_ACQ_REL);
	return NULL;
}

static void sum(struct region_cell *total)
{
	struct region_view view = store_view();
	uint32_t n = region_callsite_bound(&view);
	struct region_cell *sums = calloc(n, sizeof(*sums));

	region_sum(&view, sums, n);
	*total = (struct region_cell){0};
	for (uint32_t i = 1; i < n; i++) {
		total->allocated_blocks += sums[i].allocated_blocks;
		total->allocated_bytes += sums[i].allocated_bytes;
		total->freed_blocks += sums[i].freed_blocks;
		total->freed_bytes += sums[i].freed_bytes;
	}
	free(sums);
}

/* What the sampler's thread and a caller of the analyzer do meanwhile. */
static void *watch(void *unused)
{
	struct region_cell total;

	(void)unused;
	thread.busy = BUSY_AGENT;
	while (__atomic_load_n(&working, __ATOMIC_ACQUIRE)) {
		look_regularly(false);
		sum(&total);
		CHECK(total.freed_blocks <= total.allocated_blocks);
		CHECK(shards_count() <= THREADS + 1);
		process_epoch_advance();
	}
	return NULL;
}

static void *work_or_watch(void *number)
{
	return number ? work(number) : watch(NULL);
}

static void test_exact(void)
{
	struct region_cell total;

	agent_begin(REGION_SIZE);
	real_resolve();
	real.free = heap_free;
	CHECK(blockmap_init(true));
	unwind_init();
	working = THREADS;
	attach();
	in_threads(THREADS + 1, work_or_watch);
	for (unsigned i = 0; i < SLOTS; i++)
		if (slots[i])
			guarded_free(slots[i]);
	sum(&total);
	CHECK_EQ(total.allocated_blocks, blocks);
	CHECK_EQ(total.allocated_bytes, bytes);
	CHECK_EQ(total.freed_blocks, blocks_freed);
	CHECK_EQ(total.freed_bytes, sizes_freed);
	CHECK_EQ(total.allocated_bytes, total.freed_bytes);
	CHECK_EQ(shards_live(), 0);
	CHECK_EQ(store->agent.lost, 0);
	CHECK_EQ(store->agent.unknown_frees, 0);
}

int main(void)
{
	CASE(test_exact);
	return check_result();
}
