/*
 * The store -- the writing side of the region (protocol/region.h).
 *
 * One memfd, mapped at a place that stays: a forked child puts its own copy at the same address, so
 * every pointer into the region means the child's own. Address space is reserved without access
 * and opened step by step, so that mlockall and core dumps see only what is used.
 */
#pragma once
#include "agent/compiler.h"
#include "protocol/region.h"

extern struct region_header *store guard_hidden; /* NULL before store_open: the agent is not running */

/*
 * Makes the region. With a descriptor to hand to the analyzer in *fd (-1: no memfd, the region is
 * private memory). False: no memory at all. `reserve` in bytes. Context: init, or the only thread of a child.
 */
bool store_open(uint64_t reserve, int *fd);

/* Undoes store_open, where the agent stays dormant after all. Context: init. */
void store_close(int fd);

/*
 * In a forked child: replaces the parent's region by a copy of it with a stream of its own. The copy's
 * records are the parent's; its counters are for fork.c to set. As store_open.
 */
bool store_copy(int *fd);

/* A zeroed record of `length` bytes or more, its length set and its kind still pending; NULL: region full, counted.
 * Context: any; async-signal-safe. */
void *store_record(uint32_t length);

/* Publishes a record once its body is whole. */
static inline void store_ready(struct region_record *record, uint32_t kind)
{
	__atomic_store_n(&record->kind, kind, __ATOMIC_RELEASE);
}

/* The region as a view for region_*() and snapshot_*(): all that is reserved so far. */
struct region_view store_view(void);

/* Opens room for `bytes` more now, for a host that is about to enter a sandbox. */
void store_open_ahead(uint64_t bytes);

/* Gives up the address space that is neither opened nor below `least`: the region grows so far. Context: any. */
void store_trim(uint64_t least);

/* A region's own 64-bit name; random as the kernel gives it. */
uint64_t store_stream(void);
