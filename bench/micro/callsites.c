/*
 * callsites BITS MS: what the agent's thread costs a look while the program has 2^BITS callsites, in ms of its CPU
 * time.
 *
 * The callsites are the ways through a binary tree of calls. Each keeps a block, and all of them allocate and free once
 * more before each look, so that a snapshot has all of them to tell. The thread is found by its name; a look is made
 * every MS milliseconds (GUARD_INTERVAL), which the caller has set.
 */
#include "micro.h"
#include <dirent.h>
#include <string.h>
#include <unistd.h>

enum { LOOKS = 10, SKIPPED = 3 };

static void leaf(int first)
{
	void *p = malloc(24);

	keep(p);
	if (!first)
		free(p);
}

static void left(int bits, int first);

static void __attribute__((noinline)) right(int bits, int first)
{
	if (!bits)
		return leaf(first);
	left(bits - 1, first);
	right(bits - 1, first);
	keep(&bits);
}

static void __attribute__((noinline)) left(int bits, int first)
{
	if (!bits)
		return leaf(first);
	left(bits - 1, first);
	right(bits - 1, first);
	keep(&bits);
}

/* CPU time of the thread of this name, in ns; 0: there is none. */
static double thread_cpu(const char *name)
{
	char path[320], text[64];
	double cpu = 0;
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *entry;

	while (tasks && (entry = readdir(tasks))) {
		FILE *file;

		snprintf(path, sizeof(path), "/proc/self/task/%s/comm", entry->d_name);
		if (!(file = fopen(path, "r")))
			continue;
		if (!fgets(text, sizeof(text), file) || strncmp(text, name, strlen(name)))
			text[0] = '\0';
		fclose(file);
		snprintf(path, sizeof(path), "/proc/self/task/%s/schedstat", entry->d_name);
		if (!text[0] || !(file = fopen(path, "r")))
			continue;
		if (fscanf(file, "%lf", &cpu) != 1)
			cpu = 0;
		fclose(file);
	}
	if (tasks)
		closedir(tasks);
	return cpu;
}

int main(int argc, char **argv)
{
	long bits = argument(argc, argv, 1, 10), ms = argument(argc, argv, 2, 200);
	double begun = 0;
	int i = -1;

	keep(&i); /* or the first round would get a call, and callsites, of its own */
	for (; i < LOOKS + SKIPPED; i++) {
		if (i == SKIPPED)
			begun = thread_cpu("libguard");
		left(bits, i < 0);
		usleep(i < 0 ? 0 : ms * 1000);
	}
	printf("\nmicro look_ms=%.3f operations=%d\n", (thread_cpu("libguard") - begun) / 1e6 / LOOKS, LOOKS);
	return 0;
}
