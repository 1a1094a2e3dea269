/*
 * Tests of agent/clock: the kernel's time, also where another clock_gettime comes before libc's.
 */
#include "agent/clock.h"
#include "agent/proc.h"
#include "tests/unit/agent/agent.h"
#include <unistd.h>

static unsigned asked;

int clock_gettime(clockid_t clock, struct timespec *t)
{
	(void)clock;
	asked++;
	*t = (struct timespec){INT32_MAX, 0};
	return 0;
}

static uint64_t kernel_ns(clockid_t clock)
{
	struct timespec t = {0};

	sys3(SYS_clock_gettime, clock, &t, 0);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void test_clocks(void)
{
	static const clockid_t clocks[] = {CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_THREAD_CPUTIME_ID,
					   CLOCK_PROCESS_CPUTIME_ID};

	for (int round = 0; round < 3; round++)
		for (size_t i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
			uint64_t before = kernel_ns(clocks[i]), read = clock_ns(clocks[i]),
				 after = kernel_ns(clocks[i]);

			CHECK(before <= read && read <= after);
		}
	CHECK_EQ(asked, 0);
}

static void test_times(void)
{
	uint64_t monotonic = proc_monotonic(), cpu = proc_thread_cpu();

	CHECK(proc_realtime() > UINT64_C(1600000000) * 1000000000);
	while (proc_thread_cpu() - cpu < 1000000)
		;
	CHECK(proc_monotonic() - monotonic >= 1000000);
}

int main(void)
{
	CASE(test_clocks);
	CASE(test_times);
	return check_result();
}
