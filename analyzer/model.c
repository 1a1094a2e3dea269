/*
 * The model -- making, finding and freeing of processes.
 */
#include "analyzer/model.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLES_MAX 16384u

void model_init(struct model *model)
{
	model->processes = NULL;
}

static void process_free(struct process *process)
{
	for (uint32_t i = 0; i < process->n_modules; i++)
		free(process->modules[i].path);
	for (uint32_t i = 0; i < process->n_callsites; i++)
		free(process->callsites[i].frames);
	for (unsigned i = 0; i < process->n_command; i++)
		free(process->command[i]);
	free(process->command);
	free(process->modules);
	free(process->callsites);
	free(process->samples);
	free(process->exe);
	free(process->cwd);
	free(process->version);
	free(process->options);
	free(process);
}

void model_remove(struct model *model, struct process *process)
{
	HASH_DEL(model->processes, process);
	process_free(process);
}

void model_fini(struct model *model)
{
	struct process *process, *next;

	HASH_ITER (hh, model->processes, process, next)
		model_remove(model, process);
}

struct process *model_find(struct model *model, uint64_t stream)
{
	struct process *process;

	HASH_FIND(hh, model->processes, &stream, sizeof(stream), process);
	return process;
}

static struct process *process_new(uint64_t stream)
{
	struct process *process = calloc(1, sizeof(*process));

	if (!process)
		return NULL;
	process->stream = stream;
	process->verdict.time_to_limit_s = -1;
	process->exe = strdup("");
	process->cwd = strdup("");
	process->version = strdup("");
	process->options = strdup("");
	process->command = calloc(1, sizeof(*process->command));
	if (!process->exe || !process->cwd || !process->version || !process->options || !process->command) {
		process_free(process);
		return NULL;
	}
	return process;
}

struct process *model_process(struct model *model, uint64_t stream)
{
	struct process *process = model_find(model, stream);

	if (process)
		return process;
	process = process_new(stream);
	if (!process)
		return NULL;
	HASH_ADD(hh, model->processes, stream, sizeof(process->stream), process);
	if (!process->hh.tbl) {
		process_free(process);
		return NULL;
	}
	return process;
}

/* Keeps every second sample of the older half. */
static void thin_samples(struct process *process)
{
	size_t half = process->n_samples / 2, kept = half / 2;

	for (size_t i = 0; i < kept; i++)
		process->samples[i] = process->samples[2 * i];
	memmove(process->samples + kept, process->samples + half,
		(process->n_samples - half) * sizeof(*process->samples));
	process->n_samples -= half - kept;
}

int process_add_sample(struct process *process, const struct wire_sample *sample)
{
	if (process->n_samples && sample->time_ns <= process->samples[process->n_samples - 1].time_ns)
		return 0; /* told before */
	if (process->n_samples >= SAMPLES_MAX)
		thin_samples(process);
	if (process->n_samples == process->n_samples_allocated) {
		size_t n = process->n_samples ? process->n_samples * 2 : 8;
		struct wire_sample *grown = realloc(process->samples, n * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		process->samples = grown;
		process->n_samples_allocated = n;
	}
	process->samples[process->n_samples++] = *sample;
	return 0;
}

struct wire_counts process_totals(const struct process *process)
{
	struct wire_counts totals = {0};

	for (uint32_t i = 0; i < process->n_callsites; i++) {
		const struct wire_counts *counts = &process->callsites[i].counts;

		totals.allocated_blocks += counts->allocated_blocks;
		totals.allocated_bytes += counts->allocated_bytes;
		totals.freed_blocks += counts->freed_blocks;
		totals.freed_bytes += counts->freed_bytes;
	}
	return totals;
}
