/*
 * memory SIZE TOTAL_MB: RSS of a process that holds TOTAL_MB of blocks of SIZE bytes, all written to.
 *
 * All memory of the process counts: the blocks, the allocator's own, and what a preloaded tool keeps.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "micro.h"

static long rss_pages(void)
{
	long all, resident = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	if (!file || fscanf(file, "%ld %ld", &all, &resident) != 2)
		return 0;
	fclose(file);
	return resident;
}

int main(int argc, char **argv)
{
	long size = argument(argc, argv, 1, 64), n = argument(argc, argv, 2, 64) * 1024 * 1024 / size;

	for (long i = 0; i < n; i++) {
		char *p = malloc(size);

		if (!p)
			return 1;
		memset(p, 1, size);
		keep(p);
	}
	printf("\nmicro rss_mb=%.3f\n", rss_pages() * (double)sysconf(_SC_PAGESIZE) / (1024 * 1024));
	return 0;
}
