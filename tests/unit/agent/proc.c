/*
 * Tests of agent/proc: figures that agree with what this process does, and nothing left open.
 */
#include "agent/proc.h"
#include "tests/unit/agent/agent.h"
#include <malloc.h>

#define MEGABYTE (UINT64_C(1) << 20)

static struct wire_sample sample(bool ask_heap)
{
	struct wire_sample s = {0};

	proc_sample(&s, ask_heap);
	return s;
}

static void test_memory(void)
{
	struct wire_sample before, after;
	char *p;

	proc_init(false);
	before = sample(false);
	CHECK(before.rss > 100000 && before.rss < 4096 * MEGABYTE);
	CHECK(before.vms >= before.rss && before.peak_rss >= before.rss);
	CHECK_EQ(before.rss_anon + before.rss_file + before.rss_shmem, before.rss);
	p = mmap(NULL, 64 * MEGABYTE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	after = sample(false);
	CHECK(after.vms >= before.vms + 64 * MEGABYTE && after.vms < before.vms + 80 * MEGABYTE);
	CHECK(after.rss < before.rss + 8 * MEGABYTE);
	memset(p, 1, 32 * MEGABYTE);
	after = sample(false);
	CHECK(after.rss_anon > before.rss_anon + 28 * MEGABYTE && after.rss_anon < before.rss_anon + 40 * MEGABYTE);
	munmap(p, 64 * MEGABYTE);
	after = sample(false);
	CHECK(after.rss < before.rss + 8 * MEGABYTE);
	CHECK(after.peak_rss > before.rss + 28 * MEGABYTE);
	p = mmap(NULL, 16 * MEGABYTE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	memset(p, 1, 16 * MEGABYTE);
	CHECK(sample(false).rss_shmem > before.rss_shmem + 12 * MEGABYTE);
}

static pthread_barrier_t barrier;

static void *wait_twice(void *unused)
{
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	return unused;
}

static void test_threads(void)
{
	pthread_t threads[5];

	CHECK_EQ(sample(false).threads, 1);
	CHECK_EQ(proc_threads_after_main(), 0);
	pthread_barrier_init(&barrier, NULL, 6);
	for (unsigned i = 0; i < 5; i++)
		pthread_create(&threads[i], NULL, wait_twice, NULL);
	pthread_barrier_wait(&barrier);
	CHECK_EQ(sample(false).threads, 6);
	CHECK_EQ(proc_threads_after_main(), 0);
	pthread_barrier_wait(&barrier);
}

/* Asked by a thread of a process whose main thread has ended; its name tries to confuse. */
static void *look_after_main(void *unused)
{
	unsigned n = 0;

	(void)unused;
	for (unsigned i = 0; i < 20000 && !(n = proc_threads_after_main()); i++)
		usleep(1000);
	CHECK_EQ(n, 2);
	fflush(stdout);
	_exit(check_failures != 0);
}

static void *stay(void *unused)
{
	for (;;)
		pause();
	return unused;
}

static void test_after_main(void)
{
	pthread_t thread_id;

	prctl(PR_SET_NAME, "a) S 1 2 (");
	CHECK_EQ(proc_threads_after_main(), 0);
	pthread_create(&thread_id, NULL, stay, NULL);
	pthread_create(&thread_id, NULL, look_after_main, NULL);
	pthread_exit(NULL);
}

static void test_heap(void)
{
	struct wire_sample before, after;
	void *volatile p[64];

	proc_init(true);
	before = sample(true);
	CHECK(before.heap_mapped > 0);
	for (unsigned i = 0; i < 64; i++)
		p[i] = malloc(MEGABYTE);
	after = sample(false);
	CHECK_EQ(after.heap_mapped, before.heap_mapped); /* the last figures */
	for (unsigned i = 0; i < 2000 && after.heap_mapped == before.heap_mapped; i++) {
		usleep(100); /* asking costs a share of the time at the most */
		after = sample(true);
	}
	CHECK(after.heap_mapped >= before.heap_mapped + 60 * MEGABYTE);
	CHECK(after.heap_free < after.heap_mapped);
	for (unsigned i = 0; i < 64; i++)
		free(p[i]);
}

static void test_no_heap(void)
{
	proc_init(false);
	CHECK_EQ(sample(true).heap_mapped, 0);
	CHECK_EQ(sample(true).heap_free, 0);
}

static void test_silent(void)
{
	int first;

	errno = 4711;
	proc_init(true);
	for (unsigned i = 0; i < 20; i++)
		sample(true);
	proc_threads_after_main();
	CHECK_EQ(errno, 4711);
	first = dup(0);
	CHECK_EQ(first, 3);
	close(first);
}

/* A sandbox, or a /proc that is not there: zero, "not available". */
static void test_no_files(void)
{
	struct wire_sample s;

	proc_init(true);
	forbid(SYS_openat, EACCES);
	s = sample(true);
	CHECK_EQ(s.rss, 0);
	CHECK_EQ(s.threads, 0);
	CHECK(s.heap_mapped > 0);
	CHECK_EQ(proc_threads_after_main(), 0);
}

int main(void)
{
	CASE(test_memory);
	CASE(test_threads);
	CASE(test_after_main);
	CASE(test_heap);
	CASE(test_no_heap);
	CASE(test_silent);
	CASE(test_no_files);
	return check_result();
}
