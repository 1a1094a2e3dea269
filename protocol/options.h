/*
 * Options -- one table; the environment parser, --set, help texts, man page and README come from it.
 *
 * Sizes take K, M, G (binary), times ms, s, m, h (a bare number: seconds), rates SIZE/TIME with
 * TIME one of s, m, h; numbers may have a decimal fraction; `off` where the row's default is off.
 * Parsing uses no libc call that allocates or reads the locale: it runs in the agent before main.
 */
#pragma once
#include "protocol/wire.h"
#include <stdbool.h>
#include <stddef.h>

enum option_type {
	OPTION_STRING,
	OPTION_DURATION, /* uint64_t, nanoseconds */
	OPTION_COUNT,	 /* uint64_t */
	OPTION_SIZE,	 /* uint64_t, bytes; 0: off */
	OPTION_RATE,	 /* double, bytes per hour */
	OPTION_FRACTION, /* double, 0..1 (or N%); 0: off */
	OPTION_MODE,	 /* uint32_t, enum agent_mode */
	OPTION_ACTION,	 /* uint32_t, enum option_action */
	OPTION_LIST,	 /* NAME=COUNT,...: kept as text */
};

enum option_action { ACTION_LOG = 0, ACTION_TERM, ACTION_NONE, N_ACTIONS };

#define OPTION_TEXT_MAX 512

/* X(type, field, name, default, minimum, maximum, help); minimum and maximum as texts, "" for none. */
#define OPTIONS(X)                                                                                                     \
	X(OPTION_STRING, socket, "socket", "", "", "", "where the analyzer listens")                                   \
	X(OPTION_DURATION, interval, "interval", "30s", "10ms", "24h", "time between samples")                         \
	X(OPTION_COUNT, window, "window", "120", "2", "4096", "samples in the regression window")                      \
	X(OPTION_COUNT, min_samples, "min_samples", "10", "2", "4096", "fewer than this: inconclusive, score 0")       \
	X(OPTION_COUNT, baseline_samples, "baseline_samples", "10", "1", "4096",                                       \
	  "samples that make the baseline, after warm-up")                                                             \
	X(OPTION_MODE, mode, "mode", "exact", "", "", "exact, sampled (Poisson by bytes), counts (no stacks), off")    \
	X(OPTION_SIZE, sample_bytes, "sample_bytes", "512K", "1", "1G", "mean bytes between samples in mode sampled")  \
	X(OPTION_COUNT, depth, "depth", "64", "1", "1024",                                                             \
	  "frames kept of a stack; deeper ones are cut at the root end and marked")                                    \
	X(OPTION_FRACTION, overhead_budget, "overhead_budget", "off", "0", "100%",                                     \
	  "own cost above which the mode steps down: exact, sampled, counts")                                          \
	X(OPTION_SIZE, rss_limit, "rss_limit", "off", "", "", "RSS that is critical")                                  \
	X(OPTION_SIZE, growth_limit, "growth_limit", "off", "", "", "allowed RSS growth over the baseline")            \
	X(OPTION_LIST, block_limit, "block_limit", "", "", "",                                                         \
	  "NAME=COUNT,...: live blocks allowed under the stacks that hold function NAME")                              \
	X(OPTION_RATE, leak_rate, "leak_rate", "5M/m", "0", "", "sustained growth that makes the state critical")      \
	X(OPTION_RATE, score_moderate, "score_moderate", "10M/h", "0", "", "growth that scores 0.5")                   \
	X(OPTION_RATE, score_severe, "score_severe", "50M/h", "0", "", "growth that scores 1.0")                       \
	X(OPTION_DURATION, hold, "hold", "60m", "0s", "", "no verdict leak or growth before this age while running")   \
	X(OPTION_FRACTION, leak_score, "leak_score", "0.8", "0", "1", "score above which growth is called a leak")     \
	X(OPTION_FRACTION, detector_budget, "detector_budget", "1%", "0", "100%",                                      \
	  "CPU time of a core that judging callsites may take; 0: no bound")                                           \
	X(OPTION_ACTION, action, "action", "log", "", "",                                                              \
	  "log, term (SIGTERM to itself after the final state), or none")                                              \
	X(OPTION_DURATION, restart_min_interval, "restart_min_interval", "5m", "0s", "",                               \
	  "least time between two restarts or terms, also across restarts")                                            \
	X(OPTION_DURATION, predict, "predict", "5m", "0s", "",                                                         \
	  "with action term: act when the limit will be reached within this time")                                     \
	X(OPTION_DURATION, start_delay, "start_delay", "1s", "0s", "24h",                                              \
	  "no thread before this, unless the host makes threads or an analyzer asked")                                 \
	X(OPTION_COUNT, verify, "verify", "0", "0", "",                                                                \
	  "unwind every Nth remembered stack again and count differences; 0: none")

struct options {
	char socket[OPTION_TEXT_MAX];
	uint64_t interval, window, min_samples, baseline_samples;
	uint32_t mode;
	uint64_t sample_bytes, depth;
	double overhead_budget;
	uint64_t rss_limit, growth_limit;
	char block_limit[OPTION_TEXT_MAX];
	double leak_rate, score_moderate, score_severe;
	uint64_t hold;
	double leak_score, detector_budget;
	uint32_t action;
	uint64_t restart_min_interval, predict, start_delay, verify;
};

struct option_row {
	enum option_type type;
	const char *name, *fallback, *minimum, *maximum, *help;
	size_t offset; /* in struct options */
};

extern const struct option_row option_rows[];
extern const unsigned n_option_rows;

/* All of these: Context: any; pure, async-signal-safe. */
void options_default(struct options *options);
const struct option_row *option_find(const char *name, size_t length);
/*
 * Sets one option from text. On failure (-ENOENT unknown, -EINVAL bad value) writes one sentence
 * that names the option, the value and what would be right to `error`, and changes nothing.
 */
int option_set(struct options *options, const char *name, size_t name_length, const char *value, char *error,
	       size_t size);
/*
 * Sets what the environment says in GUARD_*. Calls `warn` with one line (no newline) for each bad
 * value, which then keeps its default.
 */
void options_from_environment(struct options *options, char *const *environment,
			      void (*warn)(void *context, const char *line), void *context);
/* "name=value\n" of each option that differs from its default, NUL-terminated, cut at size. Returns the length. */
size_t options_print_changed(const struct options *options, char *text, size_t size);
