/*
 * Tests of agent/blockmap: a heap of small blocks that grows on has its words in huge pages, four spans in each.
 */
#include "agent/blockmap.h"
#include "agent/blockwalk.h"
#include "agent/giveback.h"
#include "agent/memory.h"
#include "tests/unit/agent/agent.h"
#include "tests/unit/agent/smaps.h"
#include <stddef.h>

#define MEGABYTE (UINT64_C(1) << 20)
#define BASE UINT64_C(0x550000000000) /* addresses are numbers here: nobody reads there */
#define BLOCK 64u
#define DENSE (SPAN_SIZE / BLOCK)
#define FEW                                                                                                            \
	9u /* spans without huge pages: the first one, and those that the heap has grown into before it is large       \
	    */
#define SPANS 40u
#define THREADS 4u
#define IN_HUGE_PAGE (HUGE_PAGE / SMALL_BYTES)

static void begin(void)
{
	agent_begin(MEGABYTE);
	CHECK(blockmap_init(false));
}

static bool put(uintptr_t address, uint32_t callsite)
{
	uint64_t *slot = blockmap_slot(address, BLOCK);

	if (!slot)
		slot = blockmap_slot_new(address, BLOCK);
	if (!slot || *slot)
		return false;
	blockmap_put(slot, blockmap_word(callsite, address, BLOCK));
	return true;
}

/* Every span's blocks are of its own callsite: words that two spans share would tell. */
static void fill(unsigned from, unsigned to, uint64_t every)
{
	for (uint64_t i = from * DENSE; i < to * DENSE; i += every)
		CHECK(put(BASE + i * BLOCK, 1 + (uint32_t)(i / DENSE)));
}

static void check_blocks(unsigned from, unsigned to, uint64_t every)
{
	unsigned wrong = 0;

	for (uint64_t i = from * DENSE; i < to * DENSE; i++) {
		const uint64_t *slot = blockmap_find(BASE + i * BLOCK);

		wrong += i % every ? slot != NULL : !slot || BLOCK_CALLSITE(*slot) != 1 + i / DENSE;
	}
	CHECK_EQ(wrong, 0);
}

static struct span *span_of(unsigned i)
{
	return span_find(BASE + i * SPAN_SIZE);
}

/* Are its small words in one mapping with it? Of those in huge pages some begin where the span ends, too. */
static bool is_beside(const struct span *s)
{
	return (const char *)s->small == (const char *)s + SPAN_BYTES && !smaps_has(s->small, " hg");
}

static void check_beside(unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++)
		CHECK(is_beside(span_of(i)));
}

static bool has_huge_pages(void)
{
	return access("/sys/kernel/mm/transparent_hugepage/enabled", R_OK) == 0;
}

/* Bytes of the map of n spans, so many of them with words in huge pages. */
static uint64_t bytes_of(uint64_t n, uint64_t in_huge)
{
	return n * SPAN_BYTES + (n - in_huge) * SMALL_BYTES + (in_huge + IN_HUGE_PAGE - 1) / IN_HUGE_PAGE * HUGE_PAGE;
}

static void test_large_heap(void)
{
	uint64_t before;

	begin();
	before = memory_total();
	fill(0, SPANS, 1);
	check_blocks(0, SPANS, 1);
	check_beside(0, FEW);
	for (unsigned i = FEW; i < SPANS; i++) {
		uintptr_t small = (uintptr_t)span_of(i)->small, first = (uintptr_t)span_of(i - (i - FEW) % 4)->small;

		CHECK_EQ(first % HUGE_PAGE, 0);
		CHECK_EQ(small, first + (i - FEW) % 4 * SMALL_BYTES);
		CHECK(smaps_has((void *)small, " dd"));
		CHECK(!has_huge_pages() || smaps_has((void *)small, " hg"));
	}
	CHECK_EQ(blockmap_mapped(), bytes_of(SPANS, SPANS - FEW));
	CHECK_EQ(memory_total() - before, blockmap_mapped());
	CHECK(blockmap_resident() >= SPANS * SMALL_BYTES && blockmap_resident() <= blockmap_mapped());
	/* What is real of a huge page counts even where no span has it yet. */
	memset((char *)span_of(SPANS - 1)->small + SMALL_BYTES, 0, SMALL_BYTES);
	CHECK(blockmap_resident() >= (SPANS + 1) * SMALL_BYTES);
}

/* Large ones, or few. */
static void test_sparse_heap(void)
{
	begin();
	fill(0, SPANS, 4096 / BLOCK);
	check_beside(0, SPANS);
	CHECK_EQ(blockmap_mapped(), bytes_of(SPANS, 0));
}

static void test_sandbox(void)
{
	begin();
	fill(0, FEW + 1, 1);
	CHECK(!is_beside(span_of(FEW)));
	process_sandbox = SANDBOX_FILTER;
	fill(FEW + 1, FEW + 6, 1);
	check_beside(FEW + 1, FEW + 6);
	check_blocks(0, FEW + 6, 1);
}

/* Mappings as large as huge pages need are refused, as where a limit is near. */
static void test_no_room(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 2 * HUGE_PAGE - PAGE_SIZE, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOMEM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};

	begin();
	fill(0, FEW + 2, 1);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		exit(77);
	fill(FEW + 2, SPANS, 1);
	check_beside(FEW + 4, SPANS);
	check_blocks(0, SPANS, 1);
	CHECK_EQ(blockmap_mapped(), bytes_of(SPANS, 4));
	CHECK_EQ(store->agent.lost, 0);
}

/*
 * A thread comes in between where a span is made, and makes it first: the words in the huge page that were meant for it
 * are the next span's.
 */
static unsigned interrupted; /* this span */

static void make_first(int number)
{
	unsigned span = interrupted;

	(void)number;
	interrupted = 0;
	if (span)
		put(BASE + span * SPAN_SIZE + BLOCK, 1 + span);
}

/* The handler comes where a span has its memory and cannot be found yet. */
static void interrupt_making(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_madvise, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MADV_NOHUGEPAGE, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};
	struct sigaction action = {.sa_handler = make_first, .sa_flags = SA_NODEFER};

	sigaction(SIGSYS, &action, NULL);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		exit(77);
}

static void test_too_late(void)
{
	uintptr_t first;

	begin();
	fill(0, FEW, 1);
	interrupted = FEW;
	interrupt_making();
	CHECK(put(BASE + FEW * SPAN_SIZE, 1 + FEW));
	for (uint64_t i = 2; i < DENSE; i++)
		CHECK(put(BASE + FEW * SPAN_SIZE + i * BLOCK, 1 + FEW));
	fill(FEW + 1, FEW + 4, 1);
	check_blocks(0, FEW + 4, 1);
	first = (uintptr_t)span_of(FEW)->small;
	CHECK(!is_beside(span_of(FEW)));
	for (unsigned i = FEW; i < FEW + 4; i++)
		CHECK_EQ((uintptr_t)span_of(i)->small / HUGE_PAGE, first / HUGE_PAGE);
	for (unsigned i = FEW; i < FEW + 4; i++)
		for (unsigned j = FEW; j < i; j++)
			CHECK(span_of(i)->small != span_of(j)->small);
	CHECK_EQ(blockmap_mapped(), bytes_of(FEW + 4, 4));
}

static unsigned here[SPANS];

static void *fill_together(void *number)
{
	for (uint64_t span = FEW; span < SPANS; span++) {
		start_line(&here[span], THREADS);
		for (uint64_t i = (uintptr_t)number; i < DENSE; i += THREADS)
			put(BASE + span * SPAN_SIZE + i * BLOCK, 1 + (uint32_t)span);
	}
	return NULL;
}

/* Threads grow into the same span at once: it is one, its words are its own, and few are nobody's. */
static void test_same_span(void)
{
	begin();
	fill(0, FEW, 1);
	in_threads(THREADS, fill_together);
	check_blocks(0, SPANS, 1);
	CHECK(blockmap_mapped() <= bytes_of(SPANS, SPANS - FEW) + HUGE_PAGE);
	CHECK_EQ(store->agent.lost, 0);
}

#define APART 1024u /* spans between one thread's and the other's */
#define APART_SPANS 100u
static unsigned here_apart[APART_SPANS];

/* The last blocks of a span are enough for the next one to be taken for as dense. */
static void *grow_apart(void *number)
{
	for (unsigned i = 0; i < APART_SPANS; i++) {
		unsigned span = i + APART * (unsigned)(uintptr_t)number;

		start_line(&here_apart[i], 2);
		for (uint64_t block = (span + 1) * DENSE - DENSE / 16; block < (span + 1) * DENSE; block++)
			put(BASE + block * BLOCK, 1 + span);
	}
	return NULL;
}

/* Two heaps grow at the same time: no words are of two spans. */
static void test_own_spans(void)
{
	unsigned n = 0, n_beside = 0;

	begin();
	in_threads(2, grow_apart);
	for (struct span *s = blockmap_spans(); s; s = s->next_of_all, n++) {
		n_beside += is_beside(s);
		for (struct span *other = s->next_of_all; other; other = other->next_of_all)
			CHECK(s->small != other->small);
	}
	CHECK_EQ(n, 2 * APART_SPANS);
	CHECK_EQ(n_beside, FEW + 1);
}

/* What is empty of a huge page is given back, the rest stays; and blocks may come there again. */
static void test_given_back(void)
{
	const unsigned emptied = FEW + 5;
	const int go_on = 0;
	uint64_t before;

	begin();
	fill(0, SPANS, 1);
	before = blockmap_resident();
	for (uint64_t i = 0; i < DENSE; i++)
		blockmap_put(blockmap_find(BASE + emptied * SPAN_SIZE + i * BLOCK), 0);
	/* A page that the kernel holds at this moment goes the next time. */
	for (unsigned i = 0; i < 10 && (!i || before - blockmap_resident() < SMALL_BYTES); i++)
		giveback_run(&go_on);
	CHECK_EQ(before - blockmap_resident(), SMALL_BYTES);
	CHECK(smaps_has(span_of(emptied)->small, " nh"));
	CHECK(!has_huge_pages() || smaps_has(span_of(emptied - 1)->small, " hg"));
	check_blocks(0, emptied, 1);
	check_blocks(emptied + 1, SPANS, 1);
	CHECK(blockmap_find(BASE + emptied * SPAN_SIZE) == NULL);
	fill(emptied, emptied + 1, 1);
	check_blocks(0, SPANS, 1);
}

static void grow_in_child(void)
{
	blockmap_postfork_child();
	check_blocks(0, FEW + 1, 1);
	fill(FEW + 1, SPANS, 2);
	check_blocks(FEW + 1, SPANS, 2);
}

/* Parent and child go on in the same huge page, each in its own copy. */
static void test_fork(void)
{
	begin();
	fill(0, FEW + 1, 1);
	blockmap_prefork();
	CHECK_EQ(in_child(grow_in_child), 0);
	CHECK(span_of(FEW + 1) == NULL);
	fill(FEW + 1, SPANS, 1);
	check_blocks(0, SPANS, 1);
	CHECK_EQ(blockmap_mapped(), bytes_of(SPANS, SPANS - FEW));
}

int main(void)
{
	CASE(test_large_heap);
	CASE(test_sparse_heap);
	CASE(test_sandbox);
	CASE(test_no_room);
	if (!CHECK_THREAD_SANITIZER) /* which has signals come later */
		CASE(test_too_late);
	CASE(test_same_span);
	CASE(test_own_spans);
	CASE(test_given_back);
	CASE(test_fork);
	return check_result();
}
