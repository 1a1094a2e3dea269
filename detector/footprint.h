/*
 * The footprint -- which part of a process's RSS has grown: live blocks, memory that the allocator keeps, or memory
 * that malloc knows nothing of.
 *
 *   grown     RSS since the first sample
 *   live      live bytes, at their peak in the later half (what the process needs now and then is not kept idly),
 *             with 16 bytes a block for the allocator's own words
 *   outside   anonymous memory beyond what the C library has mapped: mmap, stacks, other allocators
 *   retained  anonymous memory that is none of these and not the agent's
 *   file, shared
 *
 * Retention is a level: it is there however early it came, as long as it stays. What is outside grows: it counts from
 * the end of the first quarter on. Either needs 8 MB and 70 % of what RSS has grown by. Where the C library has mapped
 * nothing (another allocator, or nobody asked), what is outside cannot be told from what is retained.
 *
 * Context: any, one thread at a time; pure. Memory: 2.4 KB. Cost: nanoseconds a sample, 20 us a judgement.
 */
#pragma once
#include "detector/calendar.h"
#include "protocol/wire.h"
#include <stdbool.h>

/* Of one epoch; all in bytes. */
struct footprint_epoch {
	bool read;
	uint64_t rss;	    /* least */
	uint64_t live_peak; /* greatest */
	int64_t anon, outside, file,
		shared; /* least: anonymous less the agent's; of that, beyond the C library's heap */
};

struct footprint {
	uint32_t level;
	bool started;
	struct footprint_epoch first; /* the first sample */
	struct footprint_epoch epochs[CALENDAR_EPOCHS];
};

void footprint_begin(struct footprint *footprint);
/* A sample of now: before the calendar_tick of this moment. */
void footprint_sample(struct footprint *footprint, const struct calendar *calendar, const struct wire_sample *sample);

struct footprint_finding {
	enum verdict_state state; /* RETENTION, EXTERNAL; STABLE: neither; INCONCLUSIVE: too little is known */
	double grown, live, retained, outside, file, shared; /* bytes since the first sample */
	double rate, rate_low, rate_high;		     /* of RSS by its troughs, bytes an hour; 80 % interval */
	double external, external_file, external_shared; /* outside, file and shared since the first quarter; of that */
};
void footprint_judge(const struct footprint *footprint, const struct calendar *calendar,
		     struct footprint_finding *finding);
