/*
 * History. See history.h.
 */
#include "agent/history.h"
#include "agent/store.h"
#include <string.h>

#define HOUR (3600 * UINT64_C(1000000000))

static void change(void)
{
	__atomic_fetch_add(&store->history_sequence, 1, __ATOMIC_ACQ_REL);
}

static void make_room(uint64_t now)
{
	struct wire_sample *h = store->history;
	uint32_t n = store->n_history, keep = 0;

	if (n < REGION_HISTORY)
		return;
	while (keep < n && now > HOUR && h[keep].time_ns < now - HOUR)
		keep++;
	if (keep) {
		memmove(h, h + keep, (n - keep) * sizeof(*h));
		store->n_history = n - keep;
		return;
	}
	for (uint32_t i = 0; i < n / 2; i++)
		h[i] = h[2 * i + 1];
	store->n_history = n / 2;
}

void history_add(const struct wire_sample *sample)
{
	change();
	make_room(sample->time_ns);
	store->history[store->n_history] = *sample;
	__atomic_store_n(&store->n_history, store->n_history + 1, __ATOMIC_RELEASE);
	change();
}

void history_set_verdict(const struct wire_verdict *verdict)
{
	change();
	store->verdict = *verdict;
	change();
}

void history_set_mappings(const struct wire_mapping *mappings)
{
	change();
	memcpy(store->mappings, mappings, sizeof(store->mappings));
	change();
}

void history_postfork_child(void)
{
	store->n_history = 0;
	store->history_sequence = 0;
	memset(&store->verdict, 0, sizeof(store->verdict));
	memset(store->mappings, 0, sizeof(store->mappings));
}
