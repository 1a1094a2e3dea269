/*
 * Standard input, output and errors are closed at the start, or all is open as usual (hazards 104, 107).
 * Equal: the numbers that open() gives, /proc/self/fd, what arrives in a file opened as descriptor 1.
 */
#include "host.h"
#include <dirent.h>

#define REPORT 50

static void list(const char *when)
{
	struct dirent *entry;
	DIR *folder;
	int most = getenv("HOSTS_CONNECTED") ? 900 : 4096, total = 0;

	folder = opendir("/proc/self/fd");
	if (!folder)
		exit(1);
	while ((entry = readdir(folder)))
		if (entry->d_name[0] != '.' && atoi(entry->d_name) < most)
			total += 1 + 100 * atoi(entry->d_name);
	closedir(folder);
	dprintf(REPORT, "%s: listing sums to %d\n", when, total);
}

static int again(void)
{
	list("closed");
	for (int i = 0; i < 4; i++)
		dprintf(REPORT, "open gives %d\n", open("/dev/null", O_RDWR));
	printf("into nothing\n");
	fflush(stdout);
	churn(100);
	list("opened");
	return 0;
}

int main(int argc, char **argv)
{
	pid_t child;

	if (argc > 1)
		return again();
	dup2(1, REPORT);
	list("usual");
	dprintf(REPORT, "open gives %d\n", open("/dev/null", O_RDWR));
	if (!(child = fork())) {
		close(0);
		close(1);
		close(2);
		close(3);
		execl("/proc/self/exe", argv[0], "again", (char *)NULL);
		_exit(1);
	}
	say_end("closed", child);
	return 0;
}
