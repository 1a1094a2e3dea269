/*
 * Tests of agent/memory: what is taken is zeroed, aligned and nobody else's, whoever takes at the same time.
 */
#include "agent/memory.h"
#include "agent/process.h"
#include "tests/unit/agent/agent.h"
#include "tests/unit/agent/smaps.h"
#include <sys/resource.h>
#include <sys/time.h>

#define TAKES 2000
#define THREADS 8

static bool all(const unsigned char *p, size_t size, unsigned char value)
{
	for (size_t i = 0; i < size; i++)
		if (p[i] != value)
			return false;
	return true;
}

static void test_take(void)
{
	static const size_t sizes[] = {1,    63,    64,	   65,	  192,	 1000,	 4096,	  4097,
				       8192, 32767, 32768, 32769, 65536, 262144, 1000000, 1048576};
	const unsigned n = sizeof(sizes) / sizeof(sizes[0]);
	unsigned char *taken[3 * 16];

	for (unsigned i = 0; i < 3 * n; i++) {
		taken[i] = memory_take(sizes[i % n]);
		CHECK(taken[i] != NULL);
		CHECK_EQ((uintptr_t)taken[i] % 64, 0);
		CHECK(all(taken[i], sizes[i % n], 0));
		memset(taken[i], (int)i + 1, sizes[i % n]);
	}
	for (unsigned i = 0; i < 3 * n; i++)
		CHECK(all(taken[i], sizes[i % n], (unsigned char)(i + 1)));
}

static void test_map(void)
{
	static const size_t sizes[] = {1, 4096, 5000, 1 << 20, 64 << 20};
	uint64_t before;

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		unsigned char *p;

		before = memory_total();
		p = memory_map(sizes[i]);
		CHECK(p != NULL);
		CHECK_EQ((uintptr_t)p % 4096, 0);
		CHECK(memory_total() >= before + sizes[i] && memory_total() <= before + sizes[i] + 4096);
		CHECK(p[0] == 0 && p[sizes[i] - 1] == 0);
		p[0] = p[sizes[i] - 1] = 1;
		memory_unmap(p, sizes[i]);
		CHECK_EQ(memory_total(), before);
		CHECK(!sys_readable(p));
	}
	memory_unmap(NULL, 4096);
	CHECK_EQ(memory_total(), before);
}

/* Pages of address space. */
static long mapped_pages(void)
{
	char text[100];

	CHECK(sys_read_file("/proc/self/statm", text, sizeof(text)) > 0);
	return atol(text);
}

/* What it took to find a place is given back. */
static void test_huge(void)
{
	const size_t size = 2 * HUGE_PAGE + 5 * 4096;
	bool known = access("/sys/kernel/mm/transparent_hugepage/enabled", R_OK) == 0;

	for (unsigned i = 0; i < 8; i++) {
		uint64_t before = memory_total();
		long pages = mapped_pages();
		unsigned char *p = memory_map_huge(size - 100, HUGE_PAGE);

		CHECK(p && (uintptr_t)p % HUGE_PAGE == 0 && all(p, size, 0));
		CHECK_EQ(mapped_pages() - pages, size / 4096);
		CHECK_EQ(memory_total() - before, size);
		CHECK(!known || smaps_has(p, " hg"));
		CHECK(!smaps_has(p + HUGE_PAGE, " hg") && !smaps_has(p + size - 1, " hg"));
		if (i % 2) {
			memory_unmap(p, size);
			CHECK_EQ(mapped_pages(), pages);
		}
		memory_map(4096 + i * HUGE_PAGE / 16); /* elsewhere the next time */
	}
	process_sandbox = SANDBOX_FILTER;
	CHECK(memory_map_huge(size, size) == NULL);
	process_sandbox = SANDBOX_NONE;
}

static void test_total(void)
{
	uint64_t before = memory_total(), taken = 0;

	for (unsigned i = 0; i < 1000; i++) {
		memory_take(3000);
		taken += 3000;
	}
	CHECK(memory_total() >= before + taken - 1000000);
	CHECK(memory_total() <= before + taken + taken / 4 + 1000000);
}

static struct {
	unsigned char *at;
	uint32_t size;
} blocks[THREADS][TAKES];

static void *take_many(void *number)
{
	uint64_t random = (uintptr_t)number;
	unsigned wrong = 0;

	for (unsigned i = 0; i < TAKES; i++) {
		uint32_t size = 1 + (uint32_t)random_below(&random, i % 100 ? 700 : 40000);
		unsigned char *p = memory_take(size);

		wrong += !p || (uintptr_t)p % 64 || !all(p, size, 0);
		memset(p, (int)(i * THREADS + (uintptr_t)number) % 251 + 1, size);
		blocks[(uintptr_t)number][i].at = p;
		blocks[(uintptr_t)number][i].size = size;
	}
	return (void *)(uintptr_t)wrong;
}

static void test_threads(void)
{
	pthread_t threads[THREADS];
	void *wrong;

	for (uintptr_t t = 0; t < THREADS; t++)
		pthread_create(&threads[t], NULL, take_many, (void *)t);
	for (unsigned t = 0; t < THREADS; t++) {
		pthread_join(threads[t], &wrong);
		CHECK(wrong == NULL);
	}
	for (unsigned t = 0; t < THREADS; t++)
		for (unsigned i = 0; i < TAKES; i++)
			if (!all(blocks[t][i].at, blocks[t][i].size, (unsigned char)((i * THREADS + t) % 251 + 1)))
				CHECK(!"memory is taken by one");
}

static unsigned char *handler_blocks[TAKES];
static volatile sig_atomic_t n_handler;

static void take_in_handler(int number)
{
	unsigned char *p;

	(void)number;
	if (n_handler == TAKES)
		return;
	p = memory_take(100);
	memset(p, 0xee, 100);
	handler_blocks[n_handler++] = p;
}

/* A handler comes in between at any instruction. */
static void test_signals(void)
{
	struct sigaction action = {.sa_handler = take_in_handler};
	struct itimerval often = {{0, 50}, {0, 50}}, never = {{0, 0}, {0, 0}};
	unsigned wrong = 0;

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	for (unsigned i = 0; n_handler < 200 && i < 400000; i++) {
		unsigned char *p = memory_take(64);

		wrong += !all(p, 64, 0);
		memset(p, 0x11, 64);
		wrong += !all(p, 64, 0x11);
	}
	setitimer(ITIMER_REAL, &never, NULL);
	CHECK(n_handler > 0);
	CHECK_EQ(wrong, 0);
	for (int i = 0; i < n_handler; i++)
		wrong += !all(handler_blocks[i], 100, 0xee);
	CHECK_EQ(wrong, 0);
}

/* The system has no more: NULL, no other harm, and what is had stays. */
static void test_exhausted(void)
{
	struct rlimit none = {0, 0};
	unsigned char *last = memory_take(64), *p;
	uint64_t total;
	unsigned n = 0;

	setrlimit(RLIMIT_AS, &none);
	errno = 4711;
	while ((p = memory_take(4096)) && n++ < 1000)
		last = p;
	CHECK(n < 1000);
	total = memory_total();
	CHECK(memory_map(1 << 20) == NULL);
	CHECK(memory_take(1 << 20) == NULL);
	CHECK(memory_take(32768) == NULL);
	CHECK_EQ(memory_total(), total);
	CHECK_EQ(errno, 4711);
	last[0] = 1;
}

static void test_sandbox(void)
{
	unsigned char *first, *second;

	memory_ahead(64 << 10);
	memory_ahead(1 << 20); /* once is enough */
	process_sandbox = SANDBOX_STRICT;
	first = memory_map(5000);
	second = memory_map(56 << 10);
	CHECK(first && second == first + 8192 && all(first, 64 << 10, 0));
	memory_unmap(second, 56 << 10);
	CHECK(sys_readable(second));
	CHECK(memory_map(1) == NULL);
	process_sandbox = SANDBOX_FILTER;
	CHECK((second = memory_map(1)) && (second < first || second >= first + (64 << 10)));
	process_sandbox = SANDBOX_NONE;
}

static void test_room(void)
{
	struct memory_array array = {0};
	uint64_t before = memory_total();

	for (uint32_t n = 1; n < 100000; n = n * 3 + 1) {
		CHECK(memory_room(&array, n, sizeof(uint32_t)));
		CHECK(array.room >= n);
		for (uint32_t i = 0; i < array.room; i++)
			CHECK_EQ(((uint32_t *)array.base)[i], i < n / 3 ? i : 0);
		for (uint32_t i = 0; i < n; i++)
			((uint32_t *)array.base)[i] = i;
	}
	CHECK_EQ(memory_total(), before + array.room * sizeof(uint32_t));
}

int main(void)
{
	CASE(test_take);
	CASE(test_map);
	CASE(test_huge);
	CASE(test_room);
	CASE(test_total);
	CASE(test_threads);
	CASE(test_signals);
	CASE(test_sandbox);
	CASE(test_exhausted);
	return check_result();
}
