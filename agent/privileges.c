/*
 * Privileges. See privileges.h.
 */
#include "agent/privileges.h"
#include "agent/process.h"
#include "agent/sampler.h"
#include "agent/sys.h"
#include <sys/prctl.h>

void privileges_capset(void)
{
	struct thread_alone alone;

	/* The child of a vfork changes its own, and the thread is its parent's. */
	if (process_epoch() < EPOCH_FIRST || process_sandbox || sys3(SYS_getpid, 0, 0, 0) != store->process.pid)
		return;
	thread_alone_begin(&alone);
	sampler_pause();
	thread_alone_end(&alone);
}

void privileges_prctl(int option)
{
	if (option == PR_SET_KEEPCAPS || option == PR_SET_SECUREBITS || option == PR_CAPBSET_DROP ||
	    option == PR_CAP_AMBIENT)
		privileges_capset();
}

void privileges_syscall(long number, long argument)
{
	static const short numbers[] = {SYS_capset,    SYS_setuid,    SYS_setgid,    SYS_setreuid, SYS_setregid,
					SYS_setresuid, SYS_setresgid, SYS_setgroups, SYS_setfsuid, SYS_setfsgid};

	if (number == SYS_prctl)
		privileges_prctl((int)argument);
	for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (number == numbers[i])
			privileges_capset();
}
