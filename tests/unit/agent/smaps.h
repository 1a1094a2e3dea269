/*
 * Mappings as the kernel shows them in /proc/self/smaps.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Has the mapping of this address the kernel's two-letter flag, as in " dd"? */
static inline bool smaps_has(const void *at, const char *flag)
{
	uintptr_t low = 0, high = 0, from, to;
	FILE *file = fopen("/proc/self/smaps", "r");
	bool found = false;
	char line[512];

	while (file && fgets(line, sizeof(line), file) && !found) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2) {
			low = from;
			high = to;
		}
		found = (uintptr_t)at - low < high - low && !strncmp(line, "VmFlags:", 8) && strstr(line, flag);
	}
	return file && !fclose(file) && found;
}
