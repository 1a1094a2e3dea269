/*
 * environment: GUARD_START_DELAY=20ms
 * Privileges that Linux keeps for each thread: capabilities that are kept or given up on the way to another user, ids
 * set by bare system calls (hazards 72, 113). libc then sets ids in all threads, and aborts where one of them may and
 * another may not. Equal: the results and the ends.
 */
#include "host.h"
#include <linux/capability.h>

int capset(cap_user_header_t header, const cap_user_data_t data);

static int set_capabilities(unsigned effective, unsigned permitted)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {{effective, permitted, 0}, {0, 0, 0}};

	return capset(&header, data);
}

static void caps_kept(void)
{
	const unsigned both = 1u << CAP_SETGID | 1u << CAP_SETUID;

	prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
	churn_for(20);
	say("user: %d", setresuid(65534, 65534, 65534));
	churn_for(20);
	say(", capabilities: %d", set_capabilities(both, both));
	churn_for(20);
	say(", group: %d\n", setresgid(65534, 65534, 65534));
}

static void given_up(void)
{
	say("capabilities: %d", set_capabilities(0, 0));
	churn_for(20);
	say(", group: %d\n", setgid(65534));
}

static void bare_calls(void)
{
	say("user: %ld", syscall(SYS_setresuid, 65534, 65534, 65534));
	churn_for(20);
	say(", group: %d\n", setgid(65534));
}

int main(void)
{
	static void (*const scenes[])(void) = {caps_kept, given_up, bare_calls};

	if (geteuid())
		return SKIP;
	for (size_t i = 0; i < COUNT(scenes); i++) {
		pid_t child;

		churn(10);
		if (!(child = fork())) {
			churn_for(100);
			scenes[i]();
			churn_for(60);
			exit(3);
		}
		say_end_or_hang("child", child);
	}
	return 0;
}
