/*
 * Programs that do not leak, one thread each.
 */
#include "program.h"
#include <dlfcn.h>
#include <iconv.h>
#include <locale.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define KEEP __attribute__((noinline, noclone))

static void **ring_of(struct program_run *run, size_t n)
{
	void **ring = calloc(n, sizeof(*ring));

	(void)run;
	return ring ? ring : (abort(), NULL);
}

KEEP static void *entry(struct program_run *run)
{
	size_t bytes = 50 + program_random(run, 300);

	return program_use(malloc(bytes), bytes);
}

/* A cache of n entries that gets `a_step` a step; the oldest goes. */
static void fifo(struct program_run *run, size_t n, unsigned a_step)
{
	void **ring = ring_of(run, n);
	size_t next = 0;

	while (program_step(run)) {
		for (unsigned i = 0; i < a_step; i++) {
			free(ring[next]);
			ring[next] = entry(run);
			next = (next + 1) % n;
		}
	}
	for (size_t i = 0; i < n; i++)
		free(ring[i]);
	free(ring);
}

static size_t steps_of(const struct program_run *run, double share)
{
	return (size_t)(run->duration * run->rate * share);
}

static void churn(struct program_run *run)
{
	fifo(run, 100, 50);
}

static void cache_early(struct program_run *run)
{
	fifo(run, 4 * steps_of(run, 0.2), 4);
}

static void cache_late(struct program_run *run)
{
	fifo(run, 4 * steps_of(run, 0.45), 4);
}

static void cache_kept(struct program_run *run)
{
	void **ring = ring_of(run, steps_of(run, 0.3));
	size_t n = 0;

	while (program_step(run)) {
		if (n < steps_of(run, 0.3))
			ring[n++] = entry(run);
		free(entry(run));
	}
	__asm__ volatile("" : : "r"(ring) : "memory"); /* not freed: kept until exit */
}

static void sawtooth(struct program_run *run)
{
	size_t period = steps_of(run, 1 / 12.0) + 1, n = 0;
	void **held = ring_of(run, period);

	while (program_step(run)) {
		held[n++] = entry(run);
		while (n == period)
			for (size_t i = 0; n > 0; i++, n--)
				free(held[i]);
	}
	for (size_t i = 0; i < n; i++)
		free(held[i]);
	free(held);
}

static void sessions(struct program_run *run)
{
	enum { SLOTS = 400 };
	void **slots = ring_of(run, SLOTS);

	while (program_step(run)) {
		size_t at = program_random(run, SLOTS);

		free(slots[at]);
		slots[at] = entry(run);
	}
	for (size_t i = 0; i < SLOTS; i++)
		free(slots[i]);
	free(slots);
}

static void load_grows(struct program_run *run)
{
	enum { ROOM = 4096 };
	void **held = ring_of(run, ROOM);
	size_t n = 0;

	while (program_step(run)) {
		size_t wanted = (size_t)(100 + 2000 * program_progress(run));

		for (int i = 0; i < 60; i++) {
			if (n < wanted && n < ROOM) {
				held[n++] = entry(run);
			} else {
				size_t at = program_random(run, (uint32_t)n);

				free(held[at]);
				held[at] = entry(run);
			}
		}
	}
	while (n > 0)
		free(held[--n]);
	free(held);
}

static void kept_at_exit(struct program_run *run)
{
	static void *singletons[3000];

	for (int i = 0; i < 3000; i++)
		singletons[i] = entry(run);
	__asm__ volatile("" : : "r"(singletons) : "memory");
	while (program_step(run))
		free(entry(run));
}

static void table_doubles(struct program_run *run)
{
	size_t room = 1024, n = 0;
	char *table = program_use(malloc(room), room);

	while (program_step(run)) {
		if (program_progress(run) < 0.3 && (n += 400) > room) {
			room *= 2;
			table = realloc(table, room);
		}
		free(entry(run));
	}
	free(table);
}

static uintptr_t hidden[1 << 14];

static void hidden_then_freed(struct program_run *run)
{
	size_t n = 0;

	while (program_step(run)) {
		double progress = program_progress(run);

		if (progress < 0.3 && n < (1 << 14))
			hidden[n++] = ~(uintptr_t)entry(run);
		free(entry(run));
		if (progress > 0.9)
			while (n > 0)
				free((void *)~hidden[--n]);
	}
}

/* The only pointers lie in shared memory. */
static void in_shared_memory(struct program_run *run)
{
	enum { SLOTS = 600 };
	void **slots = mmap(NULL, SLOTS * sizeof(*slots), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (slots == MAP_FAILED)
		abort();
	for (size_t next = 0; program_step(run); next = (next + 1) % SLOTS) {
		free(slots[next]);
		slots[next] = entry(run);
	}
}

static void two_buffers(struct program_run *run)
{
	void *front = NULL;

	while (program_step(run)) {
		void *back = program_use(malloc(200000), 200000);

		free(front);
		front = back;
	}
	free(front);
}

static void open_close(struct program_run *run)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/corpus_plugin.so", run->folder);
	while (program_step(run)) {
		void *plugin = dlopen(path, RTLD_NOW);
		void *(*plugin_work)(size_t) = plugin ? (void *(*)(size_t))dlsym(plugin, "plugin_work") : NULL;

		if (!plugin_work)
			abort();
		free(plugin_work(72));
		dlclose(plugin);
	}
}

/* What the C library keeps for itself. */
static void libc_at_work(struct program_run *run)
{
	static const char *const locales[] = {"C", "C.UTF-8", "POSIX"};

	while (program_step(run)) {
		regex_t regex;
		iconv_t conversion = iconv_open("UTF-16", "UTF-8");
		FILE *file = fopen("/proc/self/maps", "r");
		char *line = NULL;
		size_t room = 0;

		setlocale(LC_ALL, locales[run->steps % 3]);
		if (!regcomp(&regex, "a(b|c)*d+", REG_EXTENDED))
			regfree(&regex);
		if (conversion != (iconv_t)-1)
			iconv_close(conversion);
		while (file && getline(&line, &room, file) > 0)
			;
		free(line);
		if (file)
			fclose(file);
	}
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, 8);
}

static void sorts(struct program_run *run)
{
	while (program_step(run)) {
		size_t n = 500 + program_random(run, 3000);
		char *rows = program_use(malloc(n * 8), n * 8);

		qsort(rows, n, 8, compare);
		free(rows);
	}
}

const struct program programs_innocent[] = {
	{"churn", "stable", "warm_up", "churn", churn},
	{"cache_early", "warm_up", "stable", "a cache full at 0.2", cache_early},
	{"cache_late", "warm_up", "stable", "a cache full at 0.45", cache_late},
	{"cache_kept", "warm_up", "stable", "fills until 0.3, kept until exit", cache_kept},
	{"sawtooth", "stable", "warm_up", "all freed every 12th of the run", sawtooth},
	{"sessions", "stable", "warm_up", "sessions that end at random", sessions},
	{"load_grows", "stable", "warm_up", "load that grows twentyfold", load_grows},
	{"kept_at_exit", "stable", "warm_up", "singletons that are never freed", kept_at_exit},
	{"table_doubles", "warm_up", "stable", "a table that doubles until 0.3", table_doubles},
	{"hidden_then_freed", "stable", "warm_up", "inverted pointers, freed late", hidden_then_freed},
	{"in_shared_memory", "stable", "warm_up", "pointers in shared memory alone", in_shared_memory},
	{"two_buffers", "stable", "warm_up", "two buffers in turn", two_buffers},
	{"open_close", "stable", "warm_up", "a plugin is opened and closed", open_close},
	{"libc_at_work", "stable", "warm_up", "regcomp, iconv, locales, files", libc_at_work},
	{"sorts", "stable", "warm_up", "qsort of many sizes", sorts},
	{0},
};
