/*
 * simulate -- a behaviour as an event log in virtual time, for `guardctl replay`, with the truth about it.
 *
 * usage: simulate --list
 *        simulate ID [--seed N] [--duration SECONDS] [--interval SECONDS] [--scale FACTOR] [--truth FILE]
 *
 * The log goes to the standard output. The seed draws arrivals, lifetimes, phases, sizes and rates. Without --duration
 * a run takes two to six hours, by the seed. The truth is a JSON object; what was lost by 32nds of the run is in it.
 */
#include "actor.h"
#include "background.h"
#include <stdlib.h>
#include <string.h>

#define ACTORS (BEHAVIOUR_PARTS + 32)

struct run {
	const struct behaviour *behaviour;
	uint64_t seed;
	double duration, interval, scale;
	const char *truth_path;
	struct world world;
	struct actor actors[ACTORS];
	uint32_t n_actors, subject; /* the site that the run is about */
	char names[32][24];
};

static const struct behaviour *const tables[] = {steady_leaky, leaky, innocent, more_innocent};

const char *truth_name(enum truth truth)
{
	static const char *const names[] = {"none", "leak", "growth", "warm_up", "stable", "retention", "external"};

	return names[truth];
}

static void list(void)
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		for (const struct behaviour *b = tables[i]; b->id; b++)
			printf("%s\t%s\t%s\n", b->id, truth_name(b->truth), b->text);
}

static const struct behaviour *find(const char *id)
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		for (const struct behaviour *b = tables[i]; b->id; b++)
			if (!strcmp(b->id, id))
				return b;
	return NULL;
}

/* A site is true to its table only as far as it really lost something in this run. */
static void write_site(FILE *file, const struct world *w, const struct site *site)
{
	double active = (1 - site->since) * w->length;

	fprintf(file, "{\"site\":\"%s\",\"state\":\"%s\",\"blocks\":%llu,\"bytes\":%llu,\"bytes_per_s\":", site->name,
		truth_name(site->truth), (unsigned long long)site->lost_blocks, (unsigned long long)site->lost_bytes);
	if (site->steady)
		fprintf(file, "%.6g", (double)site->lost_bytes / active);
	else
		fputs("null", file);
	fprintf(file, ",\"first_s\":%.3f,\"sixteenth_s\":", site->first * w->length);
	if (site->lost_blocks >= 16)
		fprintf(file, "%.3f", site->sixteenth * w->length);
	else
		fputs("null", file);
	fputs(",\"lost_by\":[", file);
	for (unsigned i = 0; i <= 32; i++)
		fprintf(file, "%s%u", i ? "," : "", site->lost_by[i]);
	fputs("]}", file);
}

static void write_truth(const struct run *run, FILE *file)
{
	const struct behaviour *b = run->behaviour;
	const char *separator = "";

	fprintf(file,
		"{\"behaviour\":\"%s\",\"text\":\"%s\",\"seed\":%llu,\"state\":\"%s\",\"also\":\"%s\",\"any_time_"
		"only\":%s,"
		"\"settles_s\":%.3f,\"duration_s\":%.3f,\"sites\":%zu,\"allocations\":%llu,\"frees\":%llu,\"subject\":"
		"\"%s\",\"leaking\":"
		"[",
		b->id, b->text, (unsigned long long)run->seed, truth_name(b->truth), truth_name(b->also),
		b->any_time_only ? "true" : "false", b->settles * run->world.length, run->world.length,
		run->world.n_sites, (unsigned long long)run->world.n_allocs, (unsigned long long)run->world.n_frees,
		run->world.sites[run->subject].name);
	for (size_t i = 0; i < run->world.n_sites; i++) {
		if (run->world.sites[i].truth == TRUTH_NONE)
			continue;
		fputs(separator, file);
		write_site(file, &run->world, &run->world.sites[i]);
		separator = ",";
	}
	fputs("]}\n", file);
}

static void add_actors(struct run *run)
{
	struct world *w = &run->world;
	uint32_t n_background = run->behaviour->bare ? 0 : 20 + random_below(&w->random, 11);
	struct part part;

	for (unsigned i = 0; i < BEHAVIOUR_PARTS && run->behaviour->parts[i].site; i++) {
		double rate = run->scale * exp(random_between(&w->random, -0.4, 0.4));
		double size = exp(random_between(&w->random, -0.6, 0.6));

		part = run->behaviour->parts[i];
		if (part.kind != KIND_DRAIN)
			part.period *= random_between(&w->random, 0.85, 1.15);
		part.life *= random_between(&w->random, 0.85, 1.15);
		actor_init(&run->actors[run->n_actors], w, &part, run->n_actors, part.n < 100 ? 1 : rate, size);
		if (part.truth != TRUTH_NONE && w->sites[run->subject].truth == TRUTH_NONE)
			run->subject = run->actors[run->n_actors].site;
		run->n_actors++;
	}
	for (uint32_t i = 0; i < n_background; i++) {
		part = background_draw(&w->random, run->names[i], sizeof(run->names[i]), i + 1);
		actor_init(&run->actors[run->n_actors], w, &part, run->n_actors, 1, 1);
		run->n_actors++;
	}
}

static void simulate(struct run *run)
{
	struct world *w = &run->world;
	struct event event;

	for (double at = 0; at <= 1; at += w->interval / w->length)
		world_plan(w, at, EVENT_SAMPLE, 0);
	for (uint32_t i = 1; i <= run->behaviour->marks; i++)
		world_plan(w, (double)i / run->behaviour->marks, EVENT_MARK, 0);
	while (world_next(w, &event)) {
		switch (event.kind) {
		case EVENT_ARRIVE:
			actor_arrive(&run->actors[event.what], w);
			break;
		case EVENT_FREE:
			world_free(w, event.what);
			break;
		case EVENT_TICK:
			actor_tick(&run->actors[event.what], w);
			break;
		case EVENT_SAMPLE:
			world_sample(w);
			break;
		case EVENT_MARK:
			world_mark(w);
		}
	}
	world_end(w);
}

static void parse(struct run *run, int argc, char **argv)
{
	for (int i = 2; i + 1 < argc; i += 2) {
		if (!strcmp(argv[i], "--seed"))
			run->seed = strtoull(argv[i + 1], NULL, 10);
		else if (!strcmp(argv[i], "--duration"))
			run->duration = strtod(argv[i + 1], NULL);
		else if (!strcmp(argv[i], "--interval"))
			run->interval = strtod(argv[i + 1], NULL);
		else if (!strcmp(argv[i], "--scale"))
			run->scale = strtod(argv[i + 1], NULL);
		else if (!strcmp(argv[i], "--truth"))
			run->truth_path = argv[i + 1];
	}
}

int main(int argc, char **argv)
{
	static struct run run = {.seed = 1, .interval = 30, .scale = 1};
	static char buffer[1 << 16];
	FILE *truth;

	if (argc > 1 && !strcmp(argv[1], "--list")) {
		list();
		return 0;
	}
	run.behaviour = argc > 1 ? find(argv[1]) : NULL;
	if (!run.behaviour) {
		fputs("usage: simulate --list | ID [--seed N] [--duration SECONDS] [--interval SECONDS] [--scale "
		      "FACTOR] "
		      "[--truth FILE]\n",
		      stderr);
		return 2;
	}
	parse(&run, argc, argv);
	setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
	world_init(&run.world, stdout, run.duration, run.interval,
		   run.seed * 1000003 + (uint64_t)atoi(argv[1] + 1) * 7 + (argv[1][0] == 'L'));
	run.world.residence = run.behaviour->residence;
	if (run.duration <= 0)
		run.world.length = 3600 * random_between(&run.world.random, 2, 6);
	add_actors(&run);
	simulate(&run);
	truth = run.truth_path ? fopen(run.truth_path, "w") : NULL;
	if (truth) {
		write_truth(&run, truth);
		fclose(truth);
	}
	for (uint32_t i = 0; i < run.n_actors; i++)
		actor_fini(&run.actors[i]);
	world_fini(&run.world);
	return fflush(stdout) || ferror(stdout);
}
