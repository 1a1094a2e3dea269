/*
 * Fuzzes analyzer/eventlog and analyzer/replay: whatever a log holds, it is judged or its first wrong line is named.
 *
 * An hour between samples: a log may speak of a century, and each sample is made.
 */
#include "analyzer/replay.h"
#include "tests/fuzz/fuzz.h"
#include <errno.h>
#include <math.h>
#include <string.h>

size_t fuzz_seed(unsigned n, uint8_t *data, size_t size)
{
	static const char *const seeds[] = {
		"a 0 1 100 f\na 0.5 2 200 g\nf 1 1\nr 1.000000001 2 3 300 g\nk 2\ne 10\n",
		"# a leak\n\na 0 x 4096 leak\na 3600 y 4096 leak\na 7200 z 4096 leak\na 10800.25 w 4096 leak\ne "
		"100000\n",
		"m 0 1000000\nm 3600 2000000\na 4000 1 10 f\nm 7200 3000000\nf 7300 1\nm 10800 4000000\ne 10800\n",
		"f 0 1\nf 0 1\na 1 1 281474976710655 f\na 1 1 1 f\nk 1\nk 1\nk 2\nk 2\nk 3\nk 3\n",
		"a 99999999 1 1 f\na 1 2 1 f\n",
	};

	return n < sizeof(seeds) / sizeof(seeds[0]) ? (size_t)snprintf((char *)data, size, "%s", seeds[n]) : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *error = NULL;
	struct options options;
	struct process *process;
	struct model model;
	uint64_t line = 0;
	int r;

	options_default(&options);
	options.interval = UINT64_C(3600) * 1000000000;
	model_init(&model);
	r = replay_log(&model, &options, "log", (const char *)data, size, &line, &error);
	FUZZ_CHECK(r == 0 || (r == -EBADMSG && line > 0 && error));
	for (process = model.processes; r == 0 && process; process = process->hh.next) {
		fuzz_read += process_totals(process).allocated_bytes;
		FUZZ_CHECK(process->verdict.state < N_VERDICTS && isfinite(process->verdict.score));
	}
	model_fini(&model);
	return 0;
}
