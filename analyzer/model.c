/*
 * The model -- making, finding and freeing of processes.
 */
#include "analyzer/model.h"
#include "analyzer/estimates.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLES_MAX 16384u
#define CALLSITES_MAX (1u << 24)
#define MODULES_MAX (1u << 16)
#define IDS_FREE 64u   /* ids that cost nothing */
#define BYTES_AN_ID 8u /* received for each id above those */
#define TRANSITIONS_MAX 4096u

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
	for (uint32_t i = 0; i < process->n_functions; i++)
		free(process->functions[i]);
	free(process->functions);
	free(process->transitions);
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

static uint32_t round_up(uint32_t n)
{
	uint32_t capacity = 16;

	while (capacity < n)
		capacity *= 2;
	return capacity;
}

/* Makes array[id] exist, zeroed when new. -EBADMSG when the id is not to be believed. */
static int reserve_id(void *array_pointer, uint32_t *n, uint32_t id, size_t element, uint64_t bytes, uint32_t maximum)
{
	void **array = array_pointer;
	void *grown;

	if (id < *n)
		return 0;
	if (id >= maximum || id >= IDS_FREE + bytes / BYTES_AN_ID)
		return -EBADMSG;
	if (!*array || round_up(id + 1) > round_up(*n)) {
		grown = realloc(*array, round_up(id + 1) * element);
		if (!grown)
			return -ENOMEM;
		*array = grown;
	}
	memset((char *)*array + *n * element, 0, (id + 1 - *n) * element);
	*n = id + 1;
	return 0;
}

int process_callsite(struct process *process, uint32_t id, struct callsite **callsite)
{
	int r = id ? reserve_id(&process->callsites, &process->n_callsites, id, sizeof(**callsite), process->bytes,
				CALLSITES_MAX)
		   : -EBADMSG;

	if (r == 0)
		*callsite = &process->callsites[id];
	return r;
}

int process_module(struct process *process, uint32_t id, struct module **module)
{
	int r = id ? reserve_id(&process->modules, &process->n_modules, id, sizeof(**module), process->bytes,
				MODULES_MAX)
		   : -EBADMSG;

	if (r == 0)
		*module = &process->modules[id];
	return r;
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

void process_options(const struct process *process, struct options *options)
{
	char value[OPTION_TEXT_MAX], error[512];

	options_default(options);
	for (const char *line = process->options, *end; *line; line = *end ? end + 1 : end) {
		const char *equals;

		end = strchrnul(line, '\n');
		equals = memchr(line, '=', (size_t)(end - line));
		if (!equals || (size_t)(end - equals) > sizeof(value))
			continue;
		memcpy(value, equals + 1, (size_t)(end - equals) - 1);
		value[end - equals - 1] = '\0';
		option_set(options, line, (size_t)(equals - line), value, error, sizeof(error));
	}
}

int process_add_transition(struct process *process, const struct transition *transition)
{
	size_t n = process->n_transitions;

	if (n == TRANSITIONS_MAX)
		return 0;
	if ((n & (n - 1)) == 0) { /* 0 and powers of two: full */
		struct transition *grown = reallocarray(process->transitions, n ? 2 * n : 1, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		process->transitions = grown;
	}
	process->transitions[process->n_transitions++] = *transition;
	return 0;
}

struct wire_counts process_totals(const struct process *process)
{
	struct wire_counts totals = {0};

	for (uint32_t i = 0; i < process->n_callsites; i++) {
		struct wire_counts counts = callsite_counts(&process->callsites[i]);

		totals.allocated_blocks += counts.allocated_blocks;
		totals.allocated_bytes += counts.allocated_bytes;
		totals.freed_blocks += counts.freed_blocks;
		totals.freed_bytes += counts.freed_bytes;
	}
	return totals;
}
