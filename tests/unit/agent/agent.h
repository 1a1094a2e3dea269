/*
 * Agent -- its modules in a test's process, which the agent itself leaves alone.
 *
 * The library's constructor would start it: an earlier one turns it off, so that a test begins what
 * it wants to look at. Modules keep their state in globals: each case runs in a child of its own.
 */
#pragma once
#include "agent/lifecycle.h"
#include "agent/modules.h"
#include "agent/process.h"
#include "agent/store.h"
#include "agent/sys.h"
#include "agent/thread.h"
#include "tests/unit/check.h"
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

__attribute__((constructor(101), unused)) static void agent_stays_off(void)
{
	setenv("GUARD_MODE", "off", 1);
}

/* The state that hooks need: default options, a region, a running epoch. The region's descriptor. */
__attribute__((unused)) static int agent_begin(uint64_t reserve)
{
	int fd;

	options_default(&options);
	if (!store_open(reserve, &fd))
		abort();
	modules_init();
	threads_init();
	__atomic_store_n(&process_page.epoch, EPOCH_FIRST, __ATOMIC_RELEASE);
	return fd;
}

/* Runs the function in a forked child; its exit status, 0 when no check of it failed, or 128 and the signal. */
__attribute__((unused)) static int in_child(void (*function)(void))
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		check_failures = 0;
		alarm(300);
		function();
		fflush(stdout);
		_exit(check_failures != 0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

#define CASE(function) CHECK_EQ(in_child(function), 0)

/* From here on this system call fails with this error. */
__attribute__((unused)) static void forbid(uint32_t number, uint32_t error)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		exit(77);
}

/* Waits for n threads to be here, awake: they go on at the same moment. `here` begins at 0 and is not used again. */
__attribute__((unused)) static void start_line(unsigned *here, unsigned n)
{
	__atomic_fetch_add(here, 1, __ATOMIC_ACQ_REL);
	for (unsigned i = 0; __atomic_load_n(here, __ATOMIC_ACQUIRE) < n; i++)
		if (i % 4096 == 4095)
			sched_yield();
}

/* Runs the function in n threads that begin together, each with its number. */
static void *(*threads_run)(void *number);
static unsigned threads_here, threads_n;

static inline void *threads_begin(void *number)
{
	void *result;

	start_line(&threads_here, threads_n);
	result = threads_run(number);
	order_release(thread.shard); /* the thread ends */
	return result;
}

__attribute__((unused)) static void in_threads(unsigned n, void *(*function)(void *number))
{
	pthread_t threads[64];

	threads_run = function;
	threads_here = 0;
	threads_n = n;
	for (unsigned i = 0; i < n; i++)
		if (pthread_create(&threads[i], NULL, threads_begin, (void *)(uintptr_t)i))
			abort();
	for (unsigned i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
}

static inline uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* A generator of one's own: the same numbers in every run. */
static inline uint64_t random_next(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static inline uint64_t random_below(uint64_t *state, uint64_t n)
{
	return random_next(state) % n;
}
