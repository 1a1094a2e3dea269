/*
 * Identity. See identity.h.
 */
#include "agent/identity.h"
#include "agent/proc.h"
#include "agent/process.h"
#include "agent/store.h"
#include "agent/sys.h"
#include <string.h>
#include <sys/auxv.h>

void identity_describe_moment(void)
{
	struct wire_process *p = &store->process;

	p->pid = (int)sys3(SYS_getpid, 0, 0, 0);
	p->ppid = (int)sys3(SYS_getppid, 0, 0, 0);
	p->uid = (uint32_t)sys3(SYS_geteuid, 0, 0, 0);
	p->wire_version = WIRE_VERSION;
	p->start_realtime_ns = proc_realtime();
	p->start_monotonic_ns = proc_monotonic();
}

/* Where there is no /proc, the name that exec was given is the next best. */
static uint32_t find_program(char *path, size_t size)
{
	long n = sys3(SYS_readlink, "/proc/self/exe", path, size - 1);
	const char *given = (const char *)getauxval(AT_EXECFN);

	if (n > 0)
		return (uint32_t)n;
	if (!given || (n = (long)strlen(given)) >= (long)size)
		return 0;
	memcpy(path, given, (size_t)n);
	return (uint32_t)n;
}

void identity_describe(void)
{
	struct wire_process *p = &store->process;
	long n;

	identity_describe_moment();
	p->exe_length = find_program(store->exe, sizeof(store->exe));
	n = sys3(SYS_getcwd, store->cwd, sizeof(store->cwd), 0);
	p->cwd_length = n > 0 ? (uint32_t)strnlen(store->cwd, sizeof(store->cwd)) : 0;
	memcpy(store->agent_version, GUARD_VERSION, sizeof(GUARD_VERSION));
	p->version_length = sizeof(GUARD_VERSION) - 1;
	n = sys_read_file("/proc/self/cmdline", store->command, sizeof(store->command));
	p->command_length = n > 0 ? (uint32_t)n : 0;
	options_print_changed(&options, store->options, sizeof(store->options));
}
