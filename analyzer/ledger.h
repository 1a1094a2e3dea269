/*
 * Ledgers -- what an event log allocates and frees: its live blocks, and the counts of its sites by birth.
 *
 * Memory: 24 bytes a live block or more, 3 KB a site. Cost: some 50 ns an event.
 */
#pragma once
#include "analyzer/eventlog.h"
#include "analyzer/livetable.h"
#include "analyzer/sitetable.h"

/* Zeroed to begin. */
struct ledger {
	struct livetable blocks;
	struct sitetable sites;
	struct region_cell totals;
	uint64_t peak_live, unknown_frees;
};

/*
 * Takes an allocation, a free or a realloc; a new block is born with `birth`, but one that realloc made of one of the
 * same site is as old as that. A block that was never seen allocated may well be freed: the log began later. 0;
 * -EBADMSG: it makes no sense, *error says why; -ENOMEM.
 */
int ledger_take(struct ledger *ledger, const struct event *event, uint8_t birth, const char **error);
void ledger_fini(struct ledger *ledger);
