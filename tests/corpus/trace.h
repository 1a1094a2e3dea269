/*
 * Trace -- an event log read as series: what a rule that looks from outside has to go by.
 *
 * At each memory sample the resident set is noted, and per site the live bytes. At the end the blocks that are
 * still live are known with their ages. For logs that `simulate` wrote: ids count up from 1, and nothing is
 * checked.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct trace_site {
	char *name;
	uint64_t live_bytes;
	double *live; /* at each sample; 0 before the first block */
	size_t room;
	uint64_t old_blocks, old_bytes; /* older than a quarter of the run at its end */
};

struct trace {
	double *times, *rss; /* s, bytes: one a sample */
	size_t n_samples, room_samples;
	struct trace_site *sites;
	size_t n_sites, room_sites;
	double end;
};

/* 0 or a negative errno. */
int trace_read(FILE *file, struct trace **out);
void trace_free(struct trace *trace);
