/*
 * Programs that leak, one thread each. The loss is in the function that the table's text names.
 */
#include "program.h"
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEEP __attribute__((noinline, noclone))

static void *volatile last; /* what is stored here is reachable only until the next one */
static size_t scaled(const struct program_run *run, size_t bytes)
{
	return (size_t)((double)bytes * run->scale) + 1;
}

KEEP static void *request_memory(size_t bytes)
{
	return program_use(malloc(bytes), bytes);
}

KEEP static void leak_malloc(struct program_run *run)
{
	last = program_use(malloc(scaled(run, 96)), scaled(run, 96));
	program_lost(run, __func__, scaled(run, 96));
}

static void all_stay(struct program_run *run)
{
	while (program_step(run)) {
		free(request_memory(500));
		leak_malloc(run);
	}
}

/* Each step handles 50 requests; every 100th request loses its block. */
KEEP static void handle_request(struct program_run *run)
{
	void *block = program_use(malloc(scaled(run, 200)), scaled(run, 200));

	if (program_random(run, 100) == 0)
		program_lost(run, __func__, scaled(run, 200));
	else
		free(block);
}

static void some_stay(struct program_run *run)
{
	while (program_step(run))
		for (int i = 0; i < 50; i++)
			handle_request(run);
}

/* Full speed; one block of 24 bytes in 10,000 requests. */
KEEP static void handle_tiny(struct program_run *run)
{
	void *block = program_use(malloc(24), 24);

	if (program_random(run, 10000) == 0)
		program_lost(run, __func__, 24);
	else
		free(block);
}

static void tiny_stay(struct program_run *run)
{
	while (program_step(run))
		for (int i = 0; i < 500; i++)
			handle_tiny(run);
}

/* The functions that allocate for their caller, each of them in turn. */
KEEP static void leak_strdup(struct program_run *run)
{
	last = strdup("a value that nobody frees");
	program_lost(run, __func__, 26);
}

KEEP static void leak_asprintf(struct program_run *run)
{
	char *text;
	int n = asprintf(&text, "request %llu", (unsigned long long)run->steps + 1000000);

	last = text;
	program_lost(run, __func__, (size_t)n + 1);
}

KEEP static void leak_getline(struct program_run *run)
{
	FILE *file = fopen("/proc/self/comm", "r");
	char *line = NULL;
	size_t room = 0;

	if (!file || getline(&line, &room, file) < 0)
		abort();
	fclose(file);
	last = line;
	program_lost(run, __func__, room);
}

KEEP static void leak_posix_memalign(struct program_run *run)
{
	void *block;

	if (posix_memalign(&block, 64, 192))
		abort();
	last = program_use(block, 192);
	program_lost(run, __func__, 192);
}

KEEP static void leak_aligned_alloc(struct program_run *run)
{
	last = program_use(aligned_alloc(128, 256), 256);
	program_lost(run, __func__, 256);
}

KEEP static void leak_calloc(struct program_run *run)
{
	last = program_use(calloc(7, 31), 217);
	program_lost(run, __func__, 217);
}

KEEP static void leak_realloc(struct program_run *run)
{
	last = program_use(realloc(program_use(malloc(40), 40), 400), 400);
	program_lost(run, __func__, 400);
}

#define BY_FUNCTION(name)                                                                                              \
	static void by_##name(struct program_run *run)                                                                 \
	{                                                                                                              \
		while (program_step(run)) {                                                                            \
			free(request_memory(300));                                                                     \
			leak_##name(run);                                                                              \
		}                                                                                                      \
	}
BY_FUNCTION(strdup)
BY_FUNCTION(asprintf)
BY_FUNCTION(getline)
BY_FUNCTION(posix_memalign)
BY_FUNCTION(aligned_alloc)
BY_FUNCTION(calloc)
BY_FUNCTION(realloc)

KEEP static char *append(struct program_run *run, char *buffer, size_t *size)
{
	buffer = realloc(buffer, *size + 1000);
	program_use(buffer + *size, 1000);
	*size += 1000;
	program_lost(run, __func__, 1000);
	return buffer;
}

static void buffer_grows(struct program_run *run)
{
	char *buffer = NULL;
	size_t size = 0;

	while (program_step(run)) {
		buffer = append(run, buffer, &size);
		last = buffer;
	}
}

KEEP static void push(struct program_run *run, char **items, size_t *n, size_t *room)
{
	if (*n + 100 > *room) {
		*room = *room ? 2 * *room : 1024;
		*items = realloc(*items, *room);
	}
	program_use(*items + *n, 100);
	*n += 100;
	program_lost(run, __func__, 100);
}

static void vector_doubles(struct program_run *run)
{
	char *items = NULL;
	size_t n = 0, room = 0;

	while (program_step(run)) {
		push(run, &items, &n, &room);
		last = items;
	}
}

struct node {
	struct node *next;
	char body[40];
};

KEEP static struct node *make_node(struct program_run *run)
{
	struct node *node = program_use(malloc(sizeof(*node)), sizeof(*node));

	program_lost(run, __func__, sizeof(*node));
	return node;
}

static void cycles(struct program_run *run)
{
	while (program_step(run)) {
		struct node *a = make_node(run), *b = make_node(run);

		a->next = b;
		b->next = a;
	}
}

static struct node *registry;

static void free_registry(void)
{
	while (registry) {
		struct node *next = registry->next;

		free(registry);
		registry = next;
	}
}

static void freed_at_exit(struct program_run *run)
{
	atexit(free_registry);
	while (program_step(run)) {
		struct node *node = make_node(run);

		node->next = registry;
		registry = node;
	}
}

/* A wrapper with many callers, of which one loses blocks. */
KEEP static void *checked_malloc(size_t bytes)
{
	return program_use(malloc(bytes), bytes);
}

KEEP static void good_caller(void)
{
	free(checked_malloc(120));
	__asm__ volatile("");
}

KEEP static void bad_caller(struct program_run *run)
{
	last = checked_malloc(120);
	program_lost(run, __func__, 120);
}

static void through_wrapper(struct program_run *run)
{
	while (program_step(run)) {
		for (int i = 0; i < 20; i++)
			good_caller();
		if (program_random(run, 4) == 0)
			bad_caller(run);
	}
}

static void *(*open_plugin(const struct program_run *run, void **plugin))(size_t)
{
	char path[4096];
	void *(*work)(size_t);

	snprintf(path, sizeof(path), "%s/corpus_plugin.so", run->folder);
	*plugin = dlopen(path, RTLD_NOW);
	work = *plugin ? (void *(*)(size_t))dlsym(*plugin, "plugin_work") : NULL;
	return work ? work : (abort(), NULL);
}

/* The module is gone when the report is made. */
static void closed_plugin(struct program_run *run)
{
	void *plugin, *(*work)(size_t) = open_plugin(run, &plugin);

	while (program_step(run)) {
		last = work(72);
		program_lost(run, "plugin_work", 72);
	}
	dlclose(plugin);
}

/* Opened, used and closed again in each step. */
static void reopened_plugin(struct program_run *run)
{
	while (program_step(run)) {
		void *plugin, *(*work)(size_t) = open_plugin(run, &plugin);

		last = work(72);
		program_lost(run, "plugin_work", 72);
		dlclose(plugin);
	}
}

static void starts_late(struct program_run *run)
{
	while (program_step(run)) {
		free(request_memory(500));
		if (program_progress(run) > 0.5)
			leak_malloc(run);
	}
}

static uintptr_t tagged[1 << 16];

KEEP static void *hide(struct program_run *run)
{
	program_lost(run, __func__, 64);
	return program_use(malloc(64), 64);
}

static void tagged_pointers(struct program_run *run)
{
	for (unsigned n = 0; program_step(run); n++)
		tagged[n % (1 << 16)] = ~(uintptr_t)hide(run);
}

const struct program programs_leaky[] = {
	{"all_stay", "growth", "leak", "each block of leak_malloc stays", all_stay},
	{"some_stay", "leak", NULL, "1 % of the requests lose their block", some_stay},
	{"tiny_stay", "leak", NULL, "24 bytes in 10,000 requests, 100,000 requests a second", tiny_stay},
	{"by_strdup", "growth", "leak", "strdup", by_strdup},
	{"by_asprintf", "growth", "leak", "asprintf", by_asprintf},
	{"by_getline", "growth", "leak", "getline", by_getline},
	{"by_posix_memalign", "growth", "leak", "posix_memalign", by_posix_memalign},
	{"by_aligned_alloc", "growth", "leak", "aligned_alloc", by_aligned_alloc},
	{"by_calloc", "growth", "leak", "calloc", by_calloc},
	{"by_realloc", "growth", "leak", "realloc to a larger block", by_realloc},
	{"buffer_grows", "growth", NULL, "one buffer grows by realloc", buffer_grows},
	{"vector_doubles", "growth", NULL, "a vector doubles", vector_doubles},
	{"cycles", "growth", "leak", "cycles of two", cycles},
	{"freed_at_exit", "growth", NULL, "a handler at exit frees all", freed_at_exit},
	{"through_wrapper", "growth", "leak", "one of two callers of a wrapper", through_wrapper},
	{"closed_plugin", "growth", "leak", "in a plugin that is closed at the end", closed_plugin},
	{"reopened_plugin", "growth", "leak", "in a plugin that is opened and closed each time", reopened_plugin},
	{"starts_late", "growth", "leak", "begins half way", starts_late},
	{"tagged_pointers", "growth", "leak", "pointers are kept inverted", tagged_pointers},
	{0},
};
