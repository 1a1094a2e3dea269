/*
 * environment: GUARD_START_DELAY=20ms GUARD_INTERVAL=10ms
 * SIGPIPE as the host left it, core limits and pattern, ids of group and session, the working folder
 * (hazards 98, 100, 108). Equal: all, after the sampler has worked too; that a core dump would not hold much of files
 * that have no name, of which it makes every page; and so in a child.
 */
#include "host.h"
#include <sys/resource.h>

/* Bytes of shared mappings that would be in a core dump. */
static unsigned long shared_in_core(void)
{
	FILE *file = fopen("/proc/self/smaps", "r");
	unsigned long from, to, size = 0, sum = 0;
	char line[4096], access[5];

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lx-%lx %4s", &from, &to, access) == 3)
			size = access[3] == 's' ? to - from : 0;
		else if (!strncmp(line, "VmFlags:", 8))
			sum += strstr(line, " dd") ? 0 : size;
	}
	if (file)
		fclose(file);
	return sum;
}

static void look(const char *when)
{
	struct sigaction action;
	struct rlimit core;
	char text[256] = "", folder[256] = "";
	int fd = open("/proc/sys/kernel/core_pattern", O_RDONLY);

	if (fd >= 0) {
		if (read(fd, text, sizeof(text) - 1) < 0)
			text[0] = '\0';
		close(fd);
	}
	sigaction(SIGPIPE, NULL, &action);
	getrlimit(RLIMIT_CORE, &core);
	say("%s: pipe %s, core %ld %s of %s, folder %d\n", when, action.sa_handler == SIG_DFL ? "default" : "other",
	    (long)core.rlim_cur, text, shared_in_core() < 1 << 20 ? "little" : "much",
	    !!getcwd(folder, sizeof(folder)));
}

int main(void)
{
	int ends[2];
	pid_t child;

	look("at the start");
	churn_for(120);
	look("later");
	if (pipe(ends))
		return 1;
	if (!(child = fork())) {
		close(ends[0]);
		churn_for(40);
		look("child");
		if (write(ends[1], "x", 1) != 1)
			_exit(1);
		_exit(2);
	}
	close(ends[0]);
	say_end("no reader", child);
	return 0;
}
