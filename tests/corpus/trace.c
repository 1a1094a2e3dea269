/*
 * Trace, see trace.h.
 */
#include "trace.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS 16384 /* of the table of sites; they are fewer */

struct record {
	double born;
	uint32_t bytes, site; /* bytes 0: not live */
};

struct reader {
	struct trace *trace;
	struct record *records;
	size_t n_records, room_records;
	uint32_t slots[SLOTS]; /* site + 1 */
};

/* The array, with room for one more; NULL when there is no memory: the program cannot go on. */
static void *room_for(void *array, size_t n, size_t *room, size_t size)
{
	if (n < *room)
		return array;
	*room = n + n / 2 + 64;
	array = realloc(array, *room * size);
	if (!array) {
		fputs("rules: out of memory\n", stderr);
		exit(1);
	}
	return array;
}

static uint32_t site_of(struct reader *r, const char *name)
{
	struct trace *t = r->trace;
	uint32_t hash = 2166136261u;

	for (const char *p = name; *p; p++)
		hash = (hash ^ (unsigned char)*p) * 16777619u;
	while (r->slots[hash % SLOTS]) {
		if (!strcmp(t->sites[r->slots[hash % SLOTS] - 1].name, name))
			return r->slots[hash % SLOTS] - 1;
		hash++;
	}
	t->sites = room_for(t->sites, t->n_sites, &t->room_sites, sizeof(*t->sites));
	t->sites[t->n_sites] = (struct trace_site){.name = strdup(name)};
	r->slots[hash % SLOTS] = (uint32_t)++t->n_sites;
	return (uint32_t)t->n_sites - 1;
}

static void allocated(struct reader *r, size_t id, double time, uint32_t bytes, const char *site)
{
	while (r->n_records <= id) {
		r->records = room_for(r->records, r->n_records, &r->room_records, sizeof(*r->records));
		r->records[r->n_records++] = (struct record){0};
	}
	r->records[id] = (struct record){time, bytes, site_of(r, site)};
	r->trace->sites[r->records[id].site].live_bytes += bytes;
}

static void freed(struct reader *r, size_t id)
{
	if (id >= r->n_records)
		return;
	r->trace->sites[r->records[id].site].live_bytes -= r->records[id].bytes;
	r->records[id].bytes = 0;
}

static void note_live(struct trace *t, struct trace_site *site)
{
	if (site->room < t->n_samples) {
		site->live = realloc(site->live, t->room_samples * sizeof(*site->live));
		if (!site->live)
			exit(1);
		memset(site->live + site->room, 0, (t->room_samples - site->room) * sizeof(*site->live));
		site->room = t->room_samples;
	}
	site->live[t->n_samples - 1] = (double)site->live_bytes;
}

static void sampled(struct trace *t, double time, double rss)
{
	size_t room = t->room_samples;

	t->times = room_for(t->times, t->n_samples, &room, sizeof(*t->times));
	t->rss = room_for(t->rss, t->n_samples, &t->room_samples, sizeof(*t->rss));
	t->times[t->n_samples] = time;
	t->rss[t->n_samples] = rss;
	t->n_samples++;
	for (size_t i = 0; i < t->n_sites; i++)
		note_live(t, &t->sites[i]);
}

static void handle(struct reader *r, char *line)
{
	char *p = line + 1, *site;
	double time = strtod(p, &p);
	size_t id = strtoull(p, &p, 10);

	if (line[0] == 'r') {
		freed(r, id);
		id = strtoull(p, &p, 10);
	}
	switch (line[0]) {
	case 'a':
	case 'r': {
		uint32_t bytes = (uint32_t)strtoul(p, &p, 10);

		site = p + 1;
		site[strcspn(site, "\n")] = '\0';
		allocated(r, id, time, bytes, site);
		break;
	}
	case 'f':
		freed(r, id);
		break;
	case 'm':
		sampled(r->trace, time, (double)id);
		break;
	case 'e':
		r->trace->end = time;
	}
}

static void count_old(const struct reader *r)
{
	struct trace *t = r->trace;

	for (size_t i = 0; i < t->n_sites; i++)
		t->sites[i].old_blocks = t->sites[i].old_bytes = 0;
	for (size_t i = 0; i < r->n_records; i++) {
		struct trace_site *site = &t->sites[r->records[i].site];

		if (!r->records[i].bytes || t->end - r->records[i].born < t->end / 4)
			continue;
		site->old_blocks++;
		site->old_bytes += r->records[i].bytes;
	}
}

int trace_read(FILE *file, struct trace **out)
{
	struct reader *r = calloc(1, sizeof(*r));
	char line[256];

	if (r)
		r->trace = calloc(1, sizeof(*r->trace));
	if (!r || !r->trace) {
		free(r);
		return -ENOMEM;
	}
	while (fgets(line, sizeof(line), file))
		handle(r, line);
	count_old(r);
	*out = r->trace;
	free(r->records);
	free(r);
	return 0;
}

void trace_free(struct trace *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n_sites; i++) {
		free(t->sites[i].name);
		free(t->sites[i].live);
	}
	free(t->sites);
	free(t->times);
	free(t->rss);
	free(t);
}
