/*
 * World, see world.h.
 */
#include "world.h"
#include <stdlib.h>
#include <string.h>

#define MICROSECONDS 1000000u

void *world_grow(void *array, size_t n, size_t *room, size_t size)
{
	if (n < *room)
		return array;
	*room = *room ? 2 * *room : 64;
	array = realloc(array, *room * size);
	if (!array) {
		fputs("simulate: out of memory\n", stderr);
		exit(1);
	}
	return array;
}

void world_init(struct world *w, FILE *log, double length, double interval, uint64_t seed)
{
	memset(w, 0, sizeof(*w));
	random_init(&w->random, seed, 0);
	w->log = log;
	w->length = length;
	w->interval = interval;
	w->base = random_between(&w->random, 4e6, 3e7);
	w->arena = random_between(&w->random, 4e6, 8e6);
	w->n_blocks = 1; /* no block has id 0 */
	w->blocks = world_grow(NULL, 1, &w->room_blocks, sizeof(*w->blocks));
}

void world_fini(struct world *w)
{
	free(w->events);
	free(w->blocks);
	free(w->sites);
}

uint32_t world_site(struct world *w, const char *name, enum truth truth, bool steady)
{
	for (size_t i = 0; i < w->n_sites; i++) {
		if (!strcmp(w->sites[i].name, name)) {
			if (truth != TRUTH_NONE) {
				w->sites[i].truth = truth;
				w->sites[i].steady = steady;
			}
			return (uint32_t)i;
		}
	}
	w->sites = world_grow(w->sites, w->n_sites, &w->room_sites, sizeof(*w->sites));
	memset(&w->sites[w->n_sites], 0, sizeof(*w->sites));
	snprintf(w->sites[w->n_sites].name, sizeof(w->sites->name), "%s", name);
	w->sites[w->n_sites].truth = truth;
	w->sites[w->n_sites].steady = steady;
	return (uint32_t)w->n_sites++;
}

static bool before(const struct event *a, const struct event *b)
{
	return a->at < b->at || (a->at == b->at && a->order < b->order);
}

void world_plan(struct world *w, double at, enum event_kind kind, uint32_t what)
{
	struct event event = {at, w->planned++, kind, what};
	size_t i = w->n_events;

	if (at > 1)
		return;
	w->events = world_grow(w->events, w->n_events, &w->room_events, sizeof(*w->events));
	for (w->n_events++; i > 0 && before(&event, &w->events[(i - 1) / 2]); i = (i - 1) / 2)
		w->events[i] = w->events[(i - 1) / 2];
	w->events[i] = event;
}

bool world_next(struct world *w, struct event *event)
{
	struct event last;
	size_t i = 0, child;

	if (!w->n_events)
		return false;
	*event = w->events[0];
	last = w->events[--w->n_events];
	while ((child = 2 * i + 1) < w->n_events) {
		if (child + 1 < w->n_events && before(&w->events[child + 1], &w->events[child]))
			child++;
		if (!before(&w->events[child], &last))
			break;
		w->events[i] = w->events[child];
		i = child;
	}
	w->events[i] = last;
	w->now = event->at;
	return true;
}

static void put_number(struct world *w, uint64_t value, unsigned digits)
{
	char text[24], *p = text + sizeof(text);

	do {
		*--p = (char)('0' + value % 10);
		value /= 10;
		digits -= digits > 0;
	} while (value || digits);
	fwrite_unlocked(p, 1, (size_t)(text + sizeof(text) - p), w->log);
}

static void put_field(struct world *w, uint64_t value)
{
	putc_unlocked(' ', w->log);
	put_number(w, value, 0);
}

static void put_event(struct world *w, char letter)
{
	uint64_t time = (uint64_t)(w->now * w->length * MICROSECONDS + 0.5);

	putc_unlocked(letter, w->log);
	put_field(w, time / MICROSECONDS);
	putc_unlocked('.', w->log);
	put_number(w, time % MICROSECONDS, 6);
}

static void put_site(struct world *w, uint32_t bytes, uint32_t site)
{
	put_field(w, bytes);
	putc_unlocked(' ', w->log);
	fputs_unlocked(w->sites[site].name, w->log);
	putc_unlocked('\n', w->log);
}

uint32_t world_alloc(struct world *w, uint32_t site, uint32_t bytes)
{
	uint32_t id = (uint32_t)w->n_blocks;

	w->blocks = world_grow(w->blocks, w->n_blocks, &w->room_blocks, sizeof(*w->blocks));
	w->blocks[w->n_blocks++] = (struct block){bytes, site};
	w->live += bytes;
	w->n_allocs++;
	put_event(w, 'a');
	put_field(w, id);
	put_site(w, bytes, site);
	return id;
}

void world_free(struct world *w, uint32_t id)
{
	w->live -= w->blocks[id].bytes;
	w->blocks[id].bytes = 0;
	w->n_frees++;
	put_event(w, 'f');
	put_field(w, id);
	putc_unlocked('\n', w->log);
}

uint32_t world_realloc(struct world *w, uint32_t id, uint32_t bytes)
{
	uint32_t site = w->blocks[id].site, new_id = (uint32_t)w->n_blocks;

	w->blocks = world_grow(w->blocks, w->n_blocks, &w->room_blocks, sizeof(*w->blocks));
	w->live += bytes - (uint64_t)w->blocks[id].bytes;
	w->blocks[id].bytes = 0;
	w->blocks[w->n_blocks++] = (struct block){bytes, site};
	put_event(w, 'r');
	put_field(w, id);
	put_field(w, new_id);
	put_site(w, bytes, site);
	return new_id;
}

void world_strand(struct world *w, double bytes)
{
	if (w->residence == RSS_RATCHET)
		w->stranded += bytes;
}

/* Free memory goes back within some samples, except where the behaviour says that it stays. */
void world_sample(struct world *w)
{
	double used = 1.06 * (double)w->live, extra = w->stranded;

	if (used > w->heap)
		w->heap = used;
	else if (w->residence != RSS_STAYS)
		w->heap -= 0.5 * (w->heap - used);
	w->wobble = 0.9 * w->wobble + 0.0015 * random_normal(&w->random);
	if (w->residence == RSS_ARENAS)
		extra += (double)(unsigned)(w->now * 16) * w->arena;
	if (w->residence == RSS_OUTSIDE)
		extra += w->now * 12 * w->arena;
	put_event(w, 'm');
	put_field(w, (uint64_t)((w->base + w->heap + extra) * (1 + w->wobble)) & ~UINT64_C(4095));
	putc_unlocked('\n', w->log);
}

void world_mark(struct world *w)
{
	put_event(w, 'k');
	putc_unlocked('\n', w->log);
}

void world_end(struct world *w)
{
	w->now = 1;
	put_event(w, 'e');
	putc_unlocked('\n', w->log);
}

void world_lose(struct world *w, uint32_t site, uint32_t blocks, uint64_t bytes)
{
	struct site *s = &w->sites[site];

	if (s->truth == TRUTH_NONE)
		return;
	if (!s->lost_blocks)
		s->first = w->now;
	if (s->lost_blocks < 16 && s->lost_blocks + blocks >= 16)
		s->sixteenth = w->now;
	s->lost_blocks += blocks;
	s->lost_bytes += bytes;
	for (unsigned i = (unsigned)(w->now * 32) + 1; i <= 32; i++)
		s->lost_by[i] += blocks;
}
