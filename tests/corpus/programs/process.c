/*
 * Programs that grow outside malloc, that keep freed memory, or that fork.
 */
#include "program.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEEP __attribute__((noinline, noclone))

static void *volatile last;

/* 200 MB of 1 KB blocks; all but one in 64 are freed at a third of the run. */
static void one_in_64(struct program_run *run)
{
	size_t n = (size_t)(200000 * run->scale), made = 0;
	void **blocks = calloc(n, sizeof(*blocks));
	bool freed = false;

	while (program_step(run)) {
		double progress = program_progress(run);

		while (made < n && (double)made < (double)n * progress * 4) {
			blocks[made] = program_use(malloc(1000), 1000);
			made++;
		}
		if (progress < 0.33 || freed)
			continue;
		for (size_t i = 0; i < n; i++)
			if (i % 64)
				free(blocks[i]);
		freed = true;
	}
}

/* Bursts of ever other sizes; a few long-lived blocks land between them. */
static void holes(struct program_run *run)
{
	enum { BURST = 2000 };
	void **burst = calloc(BURST, sizeof(*burst));
	static void *pins[1 << 16];
	size_t n_pins = 0, bytes = 2000;

	run->rate /= 20;
	while (program_step(run)) {
		for (unsigned i = 0; i < BURST; i++) {
			burst[i] = program_use(malloc(bytes), bytes);
			if (i % 40 == 0) {
				free(pins[n_pins % 1000]);
				pins[n_pins++ % 1000] = program_use(malloc(24), 24);
			}
		}
		for (unsigned i = 0; i < BURST; i++)
			free(burst[i]);
		bytes += 64;
	}
	free(burst);
}

static void maps_memory(struct program_run *run)
{
	while (program_step(run)) {
		void *p = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p == MAP_FAILED)
			abort();
		last = program_use(p, 65536);
		free(program_use(malloc(100), 100));
	}
}

static void shares_memory(struct program_run *run)
{
	while (program_step(run)) {
		void *p = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

		if (p == MAP_FAILED)
			abort();
		last = program_use(p, 65536);
		free(program_use(malloc(100), 100));
	}
}

KEEP static void leak_in_child(struct program_run *run)
{
	last = program_use(malloc(140), 140);
	program_lost(run, __func__, 140);
}

static void child_leaks(struct program_run *run)
{
	int numbers[2];
	uint64_t lost[2] = {0, 0};
	pid_t child;

	if (pipe(numbers) || (child = fork()) < 0)
		abort();
	if (child == 0) {
		while (program_step(run)) {
			free(program_use(malloc(800), 800));
			leak_in_child(run);
		}
		lost[0] = run->lost_blocks;
		lost[1] = run->lost_bytes;
		_exit(write(numbers[1], lost, sizeof(lost)) < 0);
	}
	while (program_step(run))
		free(program_use(malloc(800), 800));
	if (read(numbers[0], lost, sizeof(lost)) != sizeof(lost))
		abort();
	waitpid(child, NULL, 0);
	program_lost_in_all(run, "leak_in_child", lost[0], lost[1]);
}

static void clean_children(struct program_run *run)
{
	run->rate /= 10;
	while (program_step(run)) {
		pid_t child = fork();

		if (child == 0) {
			for (int i = 0; i < 50; i++)
				free(program_use(malloc(300), 300));
			_exit(0);
		}
		if (child > 0)
			waitpid(child, NULL, 0);
		free(program_use(malloc(300), 300));
	}
}

const struct program programs_process[] = {
	{"one_in_64", "retention", NULL, "200 MB freed but for one block in 64", one_in_64},
	{"holes", "stable", "retention", "bursts of ever other sizes", holes},
	{"maps_memory", "external", NULL, "anonymous mappings, 13 MB/s", maps_memory},
	{"shares_memory", "external", NULL, "shared mappings, 13 MB/s", shares_memory},
	{"child_leaks", "growth", "leak", "the child of a fork loses blocks, its parent does not", child_leaks},
	{"clean_children", "stable", "warm_up", "children come and go", clean_children},
	{0},
};
