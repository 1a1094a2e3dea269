/*
 * Faults for the agent: runs a command under ptrace and lets chosen system calls fail that libguard.so itself makes,
 * told from the host's by the address they are made from. All processes and threads that come of the command are
 * traced. The agent is the real one; nothing in it knows of this.
 *
 * usage: inject OUT WHAT WHEN SEED COMMAND [ARGUMENT]...
 *   WHAT  names of calls, joined by commas: mmap, memfd_create, ... or "any"; besides "library" (opening libunwind)
 *         and "thread" (a clone that makes a thread, whoever asks: for hosts that make none)
 *   WHEN  N: the Nth of them fails; N+: the Nth and all later ones; N%: each by that chance, drawn from SEED
 *
 * The number of calls that matched and that of faults go to the file OUT. Exit: the command's own; 77: no ptrace here.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define SKIP 77
#define TASKS 1024
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define OPTIONS                                                                                                        \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | \
	 PTRACE_O_EXITKILL)

/*
 * What the agent calls and what may come of it. Not here: calls that cannot fail or whose failure is none; and
 * close_range, without which the thread has no descriptors of its own (before Linux 5.9, see libguard(7)).
 */
static const struct row {
	const char *name;
	long number;
	int error;
} rows[] = {
	{"mmap", SYS_mmap, ENOMEM},
	{"mprotect", SYS_mprotect, ENOMEM},
	{"madvise", SYS_madvise, EINVAL},
	{"mincore", SYS_mincore, EAGAIN},
	{"memfd_create", SYS_memfd_create, EMFILE},
	{"ftruncate", SYS_ftruncate, ENOSPC},
	{"pwrite", SYS_pwrite64, ENOSPC},
	{"fcntl", SYS_fcntl, EMFILE},
	{"fstat", SYS_fstat, EBADF},
	{"openat", SYS_openat, EMFILE},
	{"read", SYS_read, EIO},
	{"readlink", SYS_readlink, ENOENT},
	{"getcwd", SYS_getcwd, ENOENT},
	{"prlimit", SYS_prlimit64, EPERM},
	{"getrandom", SYS_getrandom, EAGAIN},
	{"socket", SYS_socket, EMFILE},
	{"connect", SYS_connect, ECONNREFUSED},
	{"sendmsg", SYS_sendmsg, EPIPE},
	{"recvfrom", SYS_recvfrom, ECONNRESET},
	{"poll", SYS_poll, ENOMEM},
	{"rt_sigprocmask", SYS_rt_sigprocmask, EPERM},
	{"pidfd_open", SYS_pidfd_open, ENOSYS},
	{"pidfd_getfd", SYS_pidfd_getfd, EPERM},
};

static struct task {
	pid_t tid;
	uintptr_t low, high; /* where libguard.so's code is; 0, 0: not known to be there */
	int failing;	     /* the call that is under way ends with this error */
} tasks[TASKS];

static bool wanted[COUNT(rows)], want_library, want_thread;
static unsigned long number, n_matched, n_faults, chance;
static bool later;
static uint64_t state;

static struct task *task_of(pid_t tid, bool make)
{
	struct task *free_one = NULL;

	for (size_t i = 0; i < TASKS; i++) {
		if (tasks[i].tid == tid)
			return &tasks[i];
		if (!tasks[i].tid && !free_one)
			free_one = &tasks[i];
	}
	if (!make || !free_one)
		return NULL;
	*free_one = (struct task){.tid = tid};
	return free_one;
}

static void find_agent(struct task *task)
{
	char path[64], line[512], rights[8];
	unsigned long low, high;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/maps", task->tid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (strstr(line, "libguard.so") && sscanf(line, "%lx-%lx %7s", &low, &high, rights) == 3 &&
		    rights[2] == 'x') {
			task->low = low;
			task->high = high;
		}
	if (file)
		fclose(file);
}

static bool of_agent(struct task *task, uintptr_t at)
{
	if (!task->high)
		find_agent(task);
	return at >= task->low && at < task->high;
}

static uint64_t random_number(void)
{
	state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return state >> 33;
}

static bool text_has(pid_t tid, unsigned long at, const char *word)
{
	char path[64], text[256] = "";
	int fd;
	bool found;

	snprintf(path, sizeof(path), "/proc/%d/mem", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	found = fd >= 0 && pread(fd, text, sizeof(text) - 1, (off_t)at) > 0 && strstr(text, word);
	close(fd);
	return found;
}

/* The error that this call ends with if it is one of those wanted, else 0. */
static int match(struct task *task, const struct user_regs_struct *r)
{
	long call = (long)r->orig_rax;

	if (want_library && call == SYS_openat && text_has(task->tid, r->rsi, "libunwind"))
		return ENOENT;
	if (want_thread && call == SYS_clone && (r->rdi & CLONE_THREAD))
		return EAGAIN;
	for (size_t i = 0; i < COUNT(rows); i++)
		if (wanted[i] && call == rows[i].number)
			return of_agent(task, r->rip) ? rows[i].error : 0;
	return 0;
}

static bool is_due(void)
{
	n_matched++;
	if (chance)
		return random_number() % 100 < chance;
	return later ? n_matched >= number : n_matched == number;
}

static void at_entry(struct task *task, struct user_regs_struct *r)
{
	int error = match(task, r);

	if (want_thread && r->orig_rax == SYS_clone3)
		error = ENOSYS; /* the C library goes on to clone, and that counts */
	else if (!error || !is_due())
		return;
	else
		n_faults++;
	task->failing = error;
	r->orig_rax = (unsigned long)-1;
	ptrace(PTRACE_SETREGS, task->tid, NULL, r);
}

static void at_system_call(struct task *task)
{
	struct user_regs_struct r;
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, task->tid, sizeof(info), &info) <= 0 ||
	    ptrace(PTRACE_GETREGS, task->tid, NULL, &r))
		return;
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
		at_entry(task, &r);
	} else if (task->failing) {
		r.rax = (unsigned long)-task->failing;
		task->failing = 0;
		ptrace(PTRACE_SETREGS, task->tid, NULL, &r);
	}
}

/* The signal to go on with. */
static int at_stop(struct task *task, int status)
{
	int signal = WSTOPSIG(status), event = status >> 16;

	if (signal == (SIGTRAP | 0x80)) {
		at_system_call(task);
		return 0;
	}
	if (event == PTRACE_EVENT_EXEC)
		*task = (struct task){.tid = task->tid};
	if (event)
		return 0;
	return signal;
}

/* All that comes of the command, until nothing is left; the command's own end. */
static int trace(pid_t command)
{
	int status, end = 0;
	struct task *task;
	pid_t tid;
	bool is_new;

	while ((tid = waitpid(-1, &status, __WALL)) > 0) {
		if (WIFEXITED(status) || WIFSIGNALED(status)) {
			if (tid == command)
				end = status;
			if ((task = task_of(tid, false)))
				task->tid = 0;
			continue;
		}
		is_new = !task_of(tid, false);
		if (!(task = task_of(tid, true)))
			_exit(99);
		/* A new task's first stop is the kernel's own SIGSTOP. */
		status = is_new && WSTOPSIG(status) == SIGSTOP ? 0 : at_stop(task, status);
		if (is_new)
			ptrace(PTRACE_SETOPTIONS, tid, NULL, OPTIONS);
		ptrace(PTRACE_SYSCALL, tid, NULL, status);
	}
	return end;
}

static bool understand(char *what, const char *when)
{
	char *rest;

	for (char *word = strtok(what, ","); word; word = strtok(NULL, ",")) {
		bool known = !strcmp(word, "library") || !strcmp(word, "thread") || !strcmp(word, "any");

		want_library |= !strcmp(word, "library");
		want_thread |= !strcmp(word, "thread");
		for (size_t i = 0; i < COUNT(rows); i++)
			if (!strcmp(word, "any") || !strcmp(word, rows[i].name))
				known = wanted[i] = true;
		if (!known)
			return false;
	}
	number = strtoul(when, &rest, 10);
	later = *rest == '+';
	chance = *rest == '%' ? number : 0;
	return number > 0;
}

int main(int argc, char **argv)
{
	int status;
	pid_t pid;
	FILE *out;

	if (argc < 6 || !understand(argv[2], argv[3])) {
		fprintf(stderr, "usage: inject OUT WHAT WHEN SEED COMMAND [ARGUMENT]...\n");
		return 2;
	}
	state = strtoul(argv[4], NULL, 10);
	random_number();
	if (!(pid = fork())) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
			_exit(SKIP);
		raise(SIGSTOP);
		execvp(argv[5], argv + 5);
		_exit(127);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status) || ptrace(PTRACE_SETOPTIONS, pid, NULL, OPTIONS))
		return SKIP;
	task_of(pid, true);
	ptrace(PTRACE_SYSCALL, pid, NULL, 0);
	status = trace(pid);
	if (!(out = fopen(argv[1], "we")))
		return 99;
	fprintf(out, "%lu %lu\n", n_matched, n_faults);
	fclose(out);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
