/*
 * What the host programs share: seccomp filters, waiting, and a way to say what happened.
 *
 * A host prints a transcript that depends on nothing but its own behaviour; the runner compares
 * the transcripts, and the ends, of the same program bare and with the agent. Exit 77: cannot be tried here.
 */
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SKIP 77
#define MS 1000000L
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Says it without stdio's heap, in one write. */
#define say(...)                                                                                                       \
	do {                                                                                                           \
		char text_[512];                                                                                       \
		int n_ = snprintf(text_, sizeof(text_), __VA_ARGS__);                                                  \
		if (write(1, text_, (size_t)n_) != n_)                                                                 \
			_exit(99);                                                                                     \
	} while (0)

/* Keeps the compiler from taking a pair of malloc and free out. */
static inline void *kept(void *p)
{
	__asm__ volatile("" : "+r"(p) : : "memory");
	return p;
}

static inline void churn(size_t size)
{
	char *p = kept(malloc(size));

	if (p)
		*p = 1;
	free(p);
}

static inline int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / MS;
}

/* How much of the usual work is wanted: stress.py runs storms shorter and more often, or longer. */
static inline int share(int usual)
{
	const char *percent = getenv("HOSTS_SHARE");
	int n = percent ? usual * atoi(percent) / 100 : usual;

	return n ? n : 1;
}

/* Allocates for this long, at a pace that leaves the processor to others. */
static inline void churn_for(int ms)
{
	struct timespec pause = {0, MS / 5};

	for (int64_t end = now_ms() + ms; now_ms() < end; nanosleep(&pause, NULL))
		for (size_t i = 1; i < 60; i++)
			churn(i * 24);
}

/* A filter that answers `verdict` to the system calls listed and `otherwise` to all others. 0, or -1 and errno. */
static inline int filter_calls(const int *calls, size_t n, unsigned verdict, unsigned otherwise, unsigned flags)
{
	struct sock_filter code[128] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))};
	struct sock_fprog program = {0, code};
	unsigned short at = 1;

	for (size_t i = 0; i < n; i++) {
		code[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)calls[i], 0, 1);
		code[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, verdict);
	}
	code[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, otherwise);
	program.len = at;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

/* What no agent may do behind a sandboxed host's back. */
static inline int filter_kill_helpers(unsigned flags)
{
	static const int calls[] = {SYS_socket,	      SYS_connect, SYS_clone,	SYS_clone3, SYS_openat,
				    SYS_memfd_create, SYS_fork,	   SYS_sendmsg, SYS_getpid, SYS_prlimit64};

	return filter_calls(calls, COUNT(calls), SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_ALLOW, flags);
}

/* How a child ended, in words. */
static inline void say_end(const char *who, pid_t child)
{
	int status = 0;

	if (waitpid(child, &status, 0) < 0)
		say("%s: waitpid: %s\n", who, strerror(errno));
	else if (WIFSIGNALED(status))
		say("%s: signal %d\n", who, WTERMSIG(status));
	else
		say("%s: exit %d\n", who, WEXITSTATUS(status));
}

/* Numbers of open descriptors, the listing's own left out; those near the limit may be an analyzer's connection. */
static inline void say_descriptors(const char *when)
{
	int most = getenv("HOSTS_CONNECTED") ? 900 : 4096;

	say("%s:", when);
	for (int fd = 0; fd < most; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			say(" %d", fd);
	say("\n");
}

/* Waits for the child's end; kills it if that takes longer than a busy machine may need. */
static inline void say_end_or_hang(const char *who, pid_t child)
{
	siginfo_t info = {0};

	for (int64_t end = now_ms() + 60000; now_ms() < end; usleep(2000)) {
		if (waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG | WNOWAIT) || info.si_pid)
			break;
	}
	if (!info.si_pid) {
		say("%s: hangs\n", who);
		kill(child, SIGKILL);
	}
	say_end(who, child);
}
