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
 * The hash of a stack is a polynomial of its frames mod 2^64, the leaf's power lowest (Karp and Rabin, 1987): that of
 * a stack with one callee more or less follows from it, and that of a part from those of two stacks.
 */
#define CALLSITE_HASH_FACTOR UINT64_C(0x9e3779b97f4a7c15)
#define CALLSITE_HASH_INVERSE UINT64_C(0xf1de83e19937733d) /* of the factor, mod 2^64 */

/* A callee more, from 0 for no frames. */
guard_inline uint64_t callsite_hash_more(uint64_t hash, uint64_t callee)
{
	return hash * CALLSITE_HASH_FACTOR + callee;
}

/* Without its leaf. */
guard_inline uint64_t callsite_hash_less(uint64_t hash, uint64_t leaf)
{
	return (hash - leaf) * CALLSITE_HASH_INVERSE;
}

/* Of the n frames nearest the leaf, from that of all and that of the rest. Context: any; pure. */
uint64_t callsite_hash_between(uint64_t all, uint64_t rest, uint32_t n);

/*
 * The id of these frames, made if new; 0 when there is no room, which is counted. hash: of the frames, as above.
 * Context: any; lock-free, async-signal-safe.
 */
uint32_t callsite_intern(const uint64_t *frames, uint32_t n_frames, uint32_t flags, uint64_t hash);
/* The same for sampled blocks of these frames; others have other ids. */
uint32_t callsite_intern_sampled(const uint64_t *frames, uint32_t n_frames, uint32_t flags, uint64_t hash,
				 const struct wire_sampling *sampling);

/* The record of an id in use. Context: any. */
struct region_callsite *callsite_record(uint32_t id);

/* Ids in use are 1..callsite_count(). */
uint32_t callsite_count(void);
