/*
 * environment: GUARD_START_DELAY=20ms
 * Programs that make namespaces and sandboxes, which a second thread or a stray descriptor would break (hazards 73,
 * 104): unshare, bwrap, firejail, setpriv, each running a shell that allocates. Equal: what they say and how they end.
 */
#include "host.h"

static const char *const commands[] = {
	"unshare -Ur id -u",
	"unshare --pid --fork --mount-proc sh -c 'echo $$'",
	"bwrap --unshare-all --ro-bind / / --proc /proc --dev /dev sh -c 'ls /proc/self/fd | grep -cx .'",
	"bwrap --unshare-user --uid 5 --ro-bind / / id -u",
	"firejail --quiet --noprofile --private sh -c 'echo inside'",
	"setpriv --reuid 65534 --regid 65534 --clear-groups --no-new-privs sh -c 'echo $PPID > /dev/null; id -u'",
	"nsenter --target $$ --uts hostname > /dev/null",
};

int main(void)
{
	char command[512];

	for (size_t i = 0; i < COUNT(commands); i++) {
		snprintf(command, sizeof(command), "(%s) 2>&1", commands[i]);
		fflush(stdout);
		say("%s: %d\n", commands[i], system(command));
	}
	return 0;
}
