/*
 * Fuzzes analyzer/decode and analyzer/rejudge: whatever a stream or a recording holds, the model stays sound.
 */
#include "analyzer/decode.h"
#include "analyzer/rejudge.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/stream.h"
#include <math.h>

size_t fuzz_seed(unsigned n, uint8_t *data, size_t size)
{
	return stream_seed(n, data, size);
}

/* Everything a report would read. */
static void read_process(const struct process *process)
{
	uint32_t i, k;
	size_t s;

	fuzz_read += process_totals(process).allocated_bytes;
	FUZZ_CHECK(!process->n_command || process->command[process->n_command] == NULL);
	for (i = 0; i < process->n_modules; i++)
		fuzz_read += process->modules[i].path ? strlen(process->modules[i].path) : 0;
	for (i = 0; i < process->n_callsites; i++)
		for (k = 0; process->callsites[i].frames && k < process->callsites[i].n_frames; k++)
			fuzz_read += process->callsites[i].frames[k];
	for (s = 1; s < process->n_samples; s++)
		FUZZ_CHECK(process->samples[s].time_ns > process->samples[s - 1].time_ns);
	FUZZ_CHECK(process->verdict.state < N_VERDICTS);
	FUZZ_CHECK(isfinite(process->verdict.score) && isfinite(process->verdict.growth_bytes_per_hour) &&
		   isfinite(process->verdict.r2));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct model model;
	struct process *process;

	model_init(&model);
	FUZZ_CHECK(decode_buffer(&model, data, size) <= size);
	for (process = model.processes; process; process = process->hh.next)
		read_process(process);
	rejudge_all(&model);
	for (process = model.processes; process; process = process->hh.next)
		read_process(process);
	model_fini(&model);
	return 0;
}
