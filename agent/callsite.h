/*
 * Callsites -- interned backtraces.
 *
 * A callsite is made when its stack is first met and never goes away, so an id or a pointer to one
 * stays valid until exit. Equality is of frames (module and address as linked), not of addresses.
 * Interning takes no lock: the record is made in the region first and then linked.
 */
#pragma once
#include "agent/compiler.h"
#include "protocol/region.h"

#define CALLSITE_DEPTH 1024u /* frames at most; option depth is at most this */

/*
 * The id of these frames, made if new; 0 when there is no room, which is counted.
 * Context: any; lock-free, async-signal-safe.
 */
uint32_t callsite_intern(const uint64_t *frames, uint32_t n_frames, uint32_t flags);
/* The same for sampled blocks of these frames; others have other ids. */
uint32_t callsite_intern_sampled(const uint64_t *frames, uint32_t n_frames, uint32_t flags,
				 const struct wire_sampling *sampling);

/* The record of an id in use. Context: any. */
struct region_callsite *callsite_record(uint32_t id);

/* Ids in use are 1..callsite_count(). */
uint32_t callsite_count(void);
