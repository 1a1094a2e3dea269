/*
 * Callsites. See callsite.h.
 *
 * A hash table of chains: heads and links are ids. Ids come from a counter; a thread that loses the
 * race to link the same stack leaves its record unused (no counts ever point to it).
 */
#include "agent/callsite.h"
#include "agent/memory.h"
#include "agent/process.h"
#include "agent/store.h"
#include <string.h>

#define HEADS (1u << 16)
#define SPREAD UINT64_C(0xd6e8feb86659fd93)
#define BLOCK 4096u /* links are kept in blocks of this many */
#define BLOCKS (REGION_CALLSITES / BLOCK)

struct link {
	struct region_callsite *record;
	uint32_t next;
	uint32_t tag; /* of the hash: most others are told apart without a look at their record */
};

static uint32_t heads[HEADS];
static struct link *blocks[BLOCKS]; /* atomic */

static struct link *link_of(uint32_t id)
{
	struct link *block = __atomic_load_n(&blocks[id / BLOCK], __ATOMIC_ACQUIRE);

	return block ? &block[id % BLOCK] : NULL;
}

struct region_callsite *callsite_record(uint32_t id)
{
	struct link *link = link_of(id);

	return link ? __atomic_load_n(&link->record, __ATOMIC_ACQUIRE) : NULL;
}

uint32_t callsite_count(void)
{
	return __atomic_load_n(&store->n_callsites, __ATOMIC_ACQUIRE);
}

uint64_t callsite_hash_between(uint64_t all, uint64_t rest, uint32_t n)
{
	uint64_t power = CALLSITE_HASH_FACTOR;

	for (; rest && n; n >>= 1) {
		if (n & 1)
			rest *= power;
		power *= power;
	}
	return all - rest;
}

/* What makes a callsite. */
struct key {
	const uint64_t *frames;
	uint32_t n_frames, flags;
	struct wire_sampling sampling; /* zero for those of every block */
	uint64_t hash;
};

static uint64_t mix(uint64_t h, uint64_t value)
{
	h = (h ^ value) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 29;
}

static bool is_of(const struct region_callsite *c, const struct key *key)
{
	return c->hash == key->hash && c->n_frames == key->n_frames && c->flags == key->flags &&
	       c->class == key->sampling.class && c->sample_bytes == key->sampling.sample_bytes &&
	       (!key->n_frames || !memcmp(c->frames, key->frames, key->n_frames * sizeof(*key->frames)));
}

static uint32_t find(uint32_t id, uint32_t stop, const struct key *key)
{
	struct link *link;

	for (; id != stop; id = link->next) {
		link = link_of(id);
		if (link->tag == (uint32_t)key->hash && is_of(link->record, key))
			return id;
	}
	return 0;
}

static struct link *link_room(uint32_t id)
{
	struct link *block = __atomic_load_n(&blocks[id / BLOCK], __ATOMIC_ACQUIRE), *fresh;

	if (!block) {
		fresh = memory_map(BLOCK * sizeof(*fresh));
		if (!fresh)
			return NULL;
		if (__atomic_compare_exchange_n(&blocks[id / BLOCK], &block, fresh, false, __ATOMIC_ACQ_REL,
						__ATOMIC_ACQUIRE))
			block = fresh;
		else
			memory_unmap(fresh, BLOCK * sizeof(*fresh));
	}
	return &block[id % BLOCK];
}

/* A whole record with an id of its own, not linked yet. */
static struct region_callsite *make(const struct key *key)
{
	size_t size = key->n_frames * sizeof(*key->frames);
	struct region_callsite *c = store_record((uint32_t)(sizeof(*c) + size));

	if (!c)
		return NULL;
	c->id = __atomic_add_fetch(&store->n_callsites, 1, __ATOMIC_ACQ_REL);
	if (c->id >= REGION_CALLSITES) {
		__atomic_fetch_sub(&store->n_callsites, 1, __ATOMIC_ACQ_REL);
		process_dropped(LOST_REGION_FULL);
		return NULL;
	}
	c->n_frames = (uint16_t)key->n_frames;
	c->flags = (uint16_t)key->flags;
	c->hash = key->hash;
	c->class = key->sampling.class;
	c->sample_bytes = key->sampling.sample_bytes;
	if (size)
		memcpy(c->frames, key->frames, size);
	return c;
}

static void count_flags(uint32_t flags)
{
	if (flags & STACK_CUT)
		__atomic_fetch_add(&store->agent.cut_stacks, 1, __ATOMIC_RELAXED);
	if (flags & STACK_INCOMPLETE)
		__atomic_fetch_add(&store->agent.incomplete_stacks, 1, __ATOMIC_RELAXED);
}

static uint32_t intern(const struct key *key)
{
	uint32_t *head = &heads[(key->hash * SPREAD) >> 48], first = __atomic_load_n(head, __ATOMIC_ACQUIRE), id, seen;
	struct region_callsite *c;
	struct link *link;

	if ((id = find(first, 0, key)))
		return id;
	if (!(c = make(key)))
		return 0;
	if (!(link = link_room(c->id))) {
		process_dropped(LOST_REGION_FULL);
		return 0;
	}
	link->record = c;
	link->tag = (uint32_t)key->hash;
	store_ready(&c->record, REGION_CALLSITE);
	count_flags(key->flags);
	for (;;) {
		seen = first;
		link->next = first;
		if (__atomic_compare_exchange_n(head, &first, c->id, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
			return c->id;
		/* Others came in between: maybe with the same stack. */
		if ((id = find(first, seen, key)))
			return id;
	}
}

uint32_t callsite_intern(const uint64_t *frames, uint32_t n_frames, uint32_t flags, uint64_t hash)
{
	const struct key key = {.frames = frames, .n_frames = n_frames, .flags = flags, .hash = hash};

	return intern(&key);
}

uint32_t callsite_intern_sampled(const uint64_t *frames, uint32_t n_frames, uint32_t flags, uint64_t hash,
				 const struct wire_sampling *sampling)
{
	const struct key key = {frames, n_frames, flags | STACK_SAMPLED, *sampling,
				mix(mix(hash, sampling->sample_bytes), sampling->class)};

	return intern(&key);
}
