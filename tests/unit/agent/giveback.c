/*
 * Tests of agent/giveback: empty pages of the map go, words stay, also those that are written while a page is on its
 * way.
 */
#include "agent/giveback.h"
#include "agent/blockmap.h"
#include "tests/unit/agent/agent.h"
#include <signal.h>
#include <stddef.h>
#include <ucontext.h>

#define MEGABYTE (UINT64_C(1) << 20)
#define BASE UINT64_C(0x550000000000) /* addresses are numbers here: nobody reads there */
#define HEAP (8 * MEGABYTE)
#define WRITERS 3u
#define ROUNDS 20000u
#define PLACES 64u
#define SPIN_MOST 300u

static const int go_on;
static int writers_left = WRITERS; /* atomic */
static unsigned lost;		   /* atomic */

static void begin(void)
{
	agent_begin(MEGABYTE);
	CHECK(blockmap_init(true));
}

static void put(uintptr_t address, uint64_t size, uint32_t callsite)
{
	uint64_t *slot = blockmap_slot(address, size);

	if (!slot)
		slot = blockmap_slot_new(address, size);
	if (slot)
		blockmap_put(slot, blockmap_word(callsite, address, size));
	else
		CHECK(false);
}

static bool take(uintptr_t address, uint32_t callsite)
{
	uint64_t *slot = blockmap_find(address);

	if (!slot || BLOCK_CALLSITE(*slot) != callsite)
		return false;
	blockmap_put(slot, 0);
	return true;
}

static void fill(uint64_t size)
{
	for (uint64_t at = 0; at < HEAP; at += size)
		put(BASE + at, size, 7);
}

/* All but one block of `every` bytes. */
static void empty(uint64_t size, uint64_t every)
{
	for (uint64_t at = 0; at < HEAP; at += size)
		if (at % every)
			CHECK(take(BASE + at, 7));
}

static void check_rest(uint64_t size, uint64_t every)
{
	for (uint64_t at = 0; at < HEAP; at += size)
		CHECK_EQ(blockmap_find(BASE + at) != NULL, at % every == 0);
}

/* What the kernel has just begun to keep for another CPU cannot be given back at once. */
static void stay_on_one_cpu(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET((size_t)sched_getcpu(), &one);
	sched_setaffinity(0, sizeof(one), &one);
}

/* What is left of the words when few blocks are: the pages of those, and what a span is found by. */
static void empty_pages_go(uint64_t size)
{
	const uint64_t most = 4096 * (HEAP / MEGABYTE + HEAP / SPAN_SIZE);
	uint64_t before;

	stay_on_one_cpu();
	begin();
	fill(size);
	before = blockmap_resident();
	CHECK(before >= HEAP / size * sizeof(uint64_t));
	giveback_run(&go_on);
	CHECK_EQ(blockmap_resident(), before);
	empty(size, MEGABYTE);
	/* A page that the kernel holds at this moment goes the next time. */
	for (unsigned i = 0; i < 10 && (!i || blockmap_resident() > most); i++)
		giveback_run(&go_on);
	CHECK(blockmap_resident() <= most);
	check_rest(size, MEGABYTE);
}

static void test_tiny(void)
{
	empty_pages_go(16);
}

static void test_small(void)
{
	empty_pages_go(32);
}

static void test_large(void)
{
	empty_pages_go(512);
}

static void test_stops(void)
{
	const int stop = 1;
	uint64_t before;

	begin();
	fill(32);
	empty(32, MEGABYTE);
	before = blockmap_resident();
	giveback_run(&stop);
	CHECK_EQ(blockmap_resident(), before);
}

/* In a sandbox no such call is made. */
static void test_sandbox(void)
{
	uint64_t before;

	begin();
	fill(32);
	empty(32, MEGABYTE);
	before = blockmap_resident();
	process_sandbox = SANDBOX_FILTER;
	giveback_run(&go_on);
	CHECK_EQ(blockmap_resident(), before);
}

/*
 * What a thread may do at the worst moments: each madvise on the map is stopped, a block is made on the first page or
 * the last, in turn, of where it is about to work, and it goes on.
 */
#define OURS 0x4711u /* a sixth argument that the kernel does not look at: the call is let through */

static unsigned n_made;

static void make_block_first(int number, siginfo_t *info, void *context)
{
	greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
	uintptr_t small = (uintptr_t)blockmap_spans()->small, page = (uintptr_t)registers[REG_RDI];

	if (n_made % 2)
		page += (uintptr_t)registers[REG_RSI] - 4096;

	(void)number;
	(void)info;
	if (page >= small && page - small < SMALL_BYTES) {
		put(BASE + (page - small) / sizeof(uint64_t) * 32 + n_made * 64, 100, 8);
		n_made++;
	}
	registers[REG_RAX] =
		sys_call(SYS_madvise, registers[REG_RDI], registers[REG_RSI], registers[REG_RDX], 0, 0, OURS);
}

static void stop_each_madvise(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_madvise, 0, 2),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[5])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OURS, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
	};
	struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};
	struct sigaction action = {.sa_sigaction = make_block_first, .sa_flags = SA_SIGINFO | SA_NODEFER};

	sigaction(SIGSYS, &action, NULL);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		exit(77);
}

static void test_worst_moments(void)
{
	begin();
	for (uint64_t at = 0; at < SPAN_SIZE; at += 128)
		put(BASE + at, 100, 7);
	for (uint64_t at = 0; at < SPAN_SIZE; at += 128)
		CHECK(take(BASE + at, 7));
	stop_each_madvise();
	giveback_run(&go_on);
	CHECK(n_made >= 4);
	for (uint64_t at = 0; at < SPAN_SIZE; at += 32) {
		const uint64_t *slot = blockmap_find(BASE + at);

		n_made -= slot != NULL;
	}
	CHECK_EQ(n_made, 0);
}

/* One block a thread, each time on one of many pages side by side: those are looked at one by one and go at once. */
static void write_words(uintptr_t writer)
{
	uintptr_t base = BASE + (writer + 1) * SPAN_SIZE;
	uint64_t random = writer;

	for (uint32_t i = 1; i <= ROUNDS; i++) {
		bool tiny = i % 2;
		uintptr_t at = base + random_below(&random, PLACES) * (tiny ? 4096 : 4 * 4096);
		uint64_t size = tiny ? 16 : 100;

		put(at, size, i);
		for (uint64_t spin = random_below(&random, SPIN_MOST); spin; spin--)
			cpu_relax();
		if (!take(at, i))
			__atomic_fetch_add(&lost, 1, __ATOMIC_RELAXED);
		for (uint64_t spin = random_below(&random, SPIN_MOST); spin; spin--)
			cpu_relax();
	}
	__atomic_fetch_sub(&writers_left, 1, __ATOMIC_RELEASE);
}

static void *give_or_write(void *number)
{
	if (number)
		write_words((uintptr_t)number);
	else
		while (__atomic_load_n(&writers_left, __ATOMIC_ACQUIRE))
			giveback_run(&go_on);
	return NULL;
}

static void test_no_word_is_lost(void)
{
	begin();
	in_threads(WRITERS + 1, give_or_write);
	CHECK_EQ(lost, 0);
}

int main(void)
{
	CASE(test_tiny);
	CASE(test_small);
	CASE(test_large);
	CASE(test_stops);
	CASE(test_sandbox);
	if (!CHECK_THREAD_SANITIZER) /* which has signals come later */
		CASE(test_worst_moments);
	CASE(test_no_word_is_lost);
	return check_result();
}
