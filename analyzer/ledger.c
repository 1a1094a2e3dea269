/*
 * Ledgers. See ledger.h.
 */
#include "analyzer/ledger.h"
#include <errno.h>

static void count_in(struct ledger *ledger, const struct live_block *block)
{
	struct site *site = &ledger->sites.sites[block->site];
	uint64_t live;

	site->counts.allocated_blocks++;
	site->counts.allocated_bytes += block->bytes;
	site->alive[block->birth]++;
	site->alive_bytes[block->birth] += block->bytes;
	ledger->totals.allocated_blocks++;
	ledger->totals.allocated_bytes += block->bytes;
	live = ledger->totals.allocated_bytes - ledger->totals.freed_bytes;
	if (live > ledger->peak_live)
		ledger->peak_live = live;
}

static void count_out(struct ledger *ledger, const struct live_block *block)
{
	struct site *site = &ledger->sites.sites[block->site];

	site->counts.freed_blocks++;
	site->counts.freed_bytes += block->bytes;
	site->alive[block->birth]--;
	site->alive_bytes[block->birth] -= block->bytes;
	ledger->totals.freed_blocks++;
	ledger->totals.freed_bytes += block->bytes;
}

/* `from`: what realloc made it of, or NULL. */
static int allocate(struct ledger *ledger, const struct event *event, uint64_t id, uint8_t birth,
		    const struct live_block *from, const char **error)
{
	struct live_block block = {
		.id = id,
		.bytes = event->bytes,
		.site = sitetable_find(&ledger->sites, event->site, event->site_length),
		.birth = birth,
	};
	int r;

	if (!block.site)
		return -ENOMEM;
	if (from && from->site == block.site)
		block.birth = from->birth;
	r = livetable_add(&ledger->blocks, &block);
	if (r == 0)
		count_in(ledger, &block);
	if (r != -EEXIST)
		return r;
	*error = "a block with this ID is live already";
	return -EBADMSG;
}

int ledger_take(struct ledger *ledger, const struct event *event, uint8_t birth, const char **error)
{
	struct live_block block;
	bool known;

	if (event->kind == 'a')
		return allocate(ledger, event, event->id, birth, NULL, error);
	known = livetable_take(&ledger->blocks, event->id, &block);
	if (known)
		count_out(ledger, &block);
	else
		ledger->unknown_frees++;
	return event->kind == 'r' ? allocate(ledger, event, event->new_id, birth, known ? &block : NULL, error) : 0;
}

void ledger_fini(struct ledger *ledger)
{
	livetable_fini(&ledger->blocks);
	sitetable_fini(&ledger->sites);
}
