/*
 * usage: corpus_program --list
 *        corpus_program NAME [--seed N] [--scale FACTOR] [--duration SECONDS] [--rate STEPS_PER_SECOND]
 *
 * Runs one behaviour and prints the truth about it, one JSON object, as the last line.
 */
#include "program.h"
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const struct program *const tables[] = {programs_leaky, programs_innocent, programs_threads, programs_process,
					       programs_objects};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

double program_progress(const struct program_run *run)
{
	return (now() - run->begun) / run->duration;
}

bool program_step(struct program_run *run)
{
	double wait = run->begun + (double)++run->steps / run->rate - now();

	if (wait > 0) {
		struct timespec t = {(time_t)wait, (long)((wait - (double)(time_t)wait) * 1e9)};

		nanosleep(&t, NULL);
	}
	return program_progress(run) < 1;
}

uint32_t program_random(struct program_run *run, uint32_t below)
{
	run->seed = run->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)((run->seed >> 33) % below);
}

void program_lost(struct program_run *run, const char *function, size_t bytes)
{
	if (!run->lost_blocks)
		run->first_lost = now() - run->begun;
	run->function = function;
	run->lost_blocks++;
	run->lost_bytes += bytes;
}

void program_lost_in_all(struct program_run *run, const char *function, uint64_t blocks, uint64_t bytes)
{
	run->function = function;
	run->lost_blocks = blocks;
	run->lost_bytes = bytes;
	run->first_lost = 0;
}

void *program_use(void *memory, size_t bytes)
{
	if (!memory)
		abort();
	memset(memory, 0x5a, bytes);
	__asm__ volatile("" : : "r"(memory) : "memory");
	return memory;
}

static const struct program *find(const char *name)
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		for (const struct program *p = tables[i]; p->name; p++)
			if (!strcmp(p->name, name))
				return p;
	return NULL;
}

static void list(void)
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		for (const struct program *p = tables[i]; p->name; p++)
			printf("%s\t%s\t%s\n", p->name, p->truth, p->text);
}

static void print_truth(const struct program *program, const struct program_run *run, uint64_t seed)
{
	printf("{\"program\":\"%s\",\"seed\":%llu,\"state\":\"%s\",\"also\":\"%s\",\"function\":\"%s\",\"blocks\":%llu,"
	       "\"bytes\":%llu,\"bytes_per_s\":%.3f,\"steps\":%llu}\n",
	       program->name, (unsigned long long)seed, program->truth, program->also ? program->also : "none",
	       run->function ? run->function : "", (unsigned long long)run->lost_blocks,
	       (unsigned long long)run->lost_bytes, (double)run->lost_bytes / (run->duration - run->first_lost),
	       (unsigned long long)run->steps);
}

int main(int argc, char **argv)
{
	static char path[PATH_MAX];
	struct program_run run = {.duration = 15, .rate = 200, .scale = 1, .seed = 1};
	const struct program *program = argc > 1 ? find(argv[1]) : NULL;
	uint64_t seed;

	if (argc > 1 && !strcmp(argv[1], "--list")) {
		list();
		return 0;
	}
	if (!program) {
		fputs("usage: corpus_program --list | NAME [--seed N] [--scale F] [--duration S] [--rate N]\n", stderr);
		return 2;
	}
	for (int i = 2; i + 1 < argc; i += 2) {
		double value = strtod(argv[i + 1], NULL);

		if (!strcmp(argv[i], "--seed"))
			run.seed = (uint64_t)value;
		else if (!strcmp(argv[i], "--scale"))
			run.scale = value;
		else if (!strcmp(argv[i], "--duration"))
			run.duration = value;
		else if (!strcmp(argv[i], "--rate"))
			run.rate = value;
	}
	if (readlink("/proc/self/exe", path, sizeof(path) - 1) > 0)
		run.folder = dirname(path);
	seed = run.seed;
	run.begun = now();
	program->run(&run);
	print_truth(program, &run, seed);
	return 0;
}
