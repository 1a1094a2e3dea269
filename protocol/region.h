/*
 * The region -- the agent's exact state, in a memfd that outlives the process.
 *
 * The agent maps it and writes plain counters into it; the analyzer gets the descriptor once,
 * with HELLO, and reads the region itself when the process ends without a word. So the last
 * counts survive SIGKILL, and no thread or descriptor of the host is needed to keep them.
 *
 * Layout: a region_header, then records, each on a 64-byte boundary and never moved or removed.
 * A record is reserved by adding to `used`, then its length is written, then its body, and its
 * kind last (with release order): kind 0 means not ready. A writer killed between the first two
 * steps leaves zeroed lines; readers step over them line by line.
 *
 * Counters are per thread and per callsite: a REGION_COUNTERS record holds those of 16 successive
 * callsites as one thread saw them; a callsite's totals are the sums over all records. The
 * values wrap mod 2^64 and so does the sum, which makes blocks freed by other threads come right.
 *
 * The reading side works on an untrusted copy (struct region_view) and never follows a length
 * or offset that it has not checked.
 */
#pragma once
#include "protocol/wire.h"
#include <stdbool.h>
#include <stddef.h>

#define REGION_MAGIC UINT64_C(0x4e4f494745524447) /* "GDREGION" */
#define REGION_VERSION 2u
#define REGION_LINE 64u
#define REGION_CELLS 16u
#define REGION_MAPPINGS 8u
#define REGION_HISTORY 4096u	    /* samples kept: an hour or more, 512 KB at most */
#define REGION_CALLSITES (1u << 24) /* ids below this: 24 bits in the block map */

enum region_kind {
	REGION_PENDING = 0,
	REGION_MODULE = 1,
	REGION_CALLSITE = 2,
	REGION_COUNTERS = 3,
	REGION_EVIDENCE = 4,
};

struct region_record {
	uint32_t kind;
	uint32_t length; /* a multiple of REGION_LINE */
};

struct region_module {
	struct region_record record;
	struct wire_module module; /* path follows */
	char path[];
};

struct region_callsite {
	struct region_record record;
	uint32_t id;
	uint16_t n_frames;
	uint16_t flags; /* enum stack_flags */
	uint64_t hash;
	/* Written by the sampler thread alone. */
	double score, growth_bytes_per_hour, r2;
	uint32_t state;
	uint32_t class; /* with STACK_SAMPLED: see struct wire_sampling */
	uint64_t sample_bytes;
	uint64_t frames[]; /* leaf first */
};

/* One candidate's; another callsite may take it over. Written by whoever has the sampler's turn. */
struct region_evidence {
	struct region_record record;
	struct wire_evidence evidence; /* of callsite 0: nothing is said */
};

/* Order matters: an allocation touches the first two, a free the last two. */
struct region_cell {
	uint64_t allocated_blocks, allocated_bytes;
	uint64_t freed_blocks, freed_bytes;
};

struct region_counters {
	struct region_record record;
	uint32_t first_callsite; /* a multiple of REGION_CELLS */
	uint32_t shard;
	uint64_t reserved[6];
	struct region_cell cells[REGION_CELLS];
};

struct region_header {
	uint64_t magic;
	uint32_t version;
	uint32_t header_size;
	uint64_t size; /* of the memfd */
	uint64_t used; /* atomic; end of the reserved records */
	uint64_t stream;
	struct wire_process process; /* lengths of the strings below */
	struct wire_agent agent;     /* written racily: each field is a statistic or set once */
	struct wire_end end;
	uint32_t n_callsites; /* atomic; ids in use are 1..n_callsites */
	uint32_t n_modules;
	/* Odd while the sampler thread changes what follows. */
	uint32_t history_sequence;
	uint32_t n_history;
	uint32_t n_evaluations; /* of all callsites; what they said is new when this differs */
	uint32_t reserved;
	struct wire_verdict verdict;
	struct wire_detector detector;
	struct wire_mapping mappings[REGION_MAPPINGS]; /* those that have grown; an empty name ends them */
	char exe[1024];
	char cwd[1024];
	char agent_version[64];
	char command[4096];
	char options[1024];			    /* those that differ from their default, "name=value\n" each */
	struct wire_sample history[REGION_HISTORY]; /* oldest first */
};

#define REGION_ROUND(n) (((n) + (REGION_LINE - 1)) & ~(uint64_t)(REGION_LINE - 1))
#define REGION_HEADER_SIZE REGION_ROUND(sizeof(struct region_header))

_Static_assert(sizeof(struct region_callsite) == 64, "region layout");
_Static_assert(sizeof(struct region_cell) == 32, "region layout");
_Static_assert(sizeof(struct region_counters) == 64 + 16 * 32, "region layout");

/* An untrusted image of a region: bytes that may lie. */
struct region_view {
	const unsigned char *base; /* 8-byte aligned */
	size_t size;		   /* bytes readable at base */
};

/* 0, or -EBADMSG when this is no region of this version. Context: any; pure. */
int region_check(const struct region_view *view);
static inline const struct region_header *region_header(const struct region_view *view)
{
	return (const struct region_header *)view->base;
}

/*
 * The next ready record at or after *offset (0 to begin), checked to lie inside the view and to
 * be long enough for what its kind says it holds; NULL at the end. *offset moves behind it.
 * Context: any; pure. Cost: one line read a record.
 */
const struct region_record *region_next(const struct region_view *view, uint64_t *offset);

/*
 * As region_next; *pending (UINT64_MAX to begin) becomes the offset of the first record that was stepped over
 * because it was not ready. *offset is the end of the records after the last one.
 */
const struct region_record *region_next_ready(const struct region_view *view, uint64_t *offset, uint64_t *pending);

/* Adds what one record of counters says was freed, or was allocated, by callsites 1..n_sums-1. Context: any; pure. */
void region_add(const struct region_counters *counters, struct region_cell *sums, uint32_t n_sums, bool freed);

/* Adds the counters of callsites 1..n_sums-1 to sums[] (the caller zeroes it). What was freed is read before
 * what was allocated, so that on a running process no free shows without its allocation. Context: any; pure. */
void region_sum(const struct region_view *view, struct region_cell *sums, uint32_t n_sums);

/* One more than the greatest callsite id that has a ready record; what region_sum wants. */
uint32_t region_callsite_bound(const struct region_view *view);
