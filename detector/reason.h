/*
 * Reasons -- why a verdict is what it is: codes with numbers, and the words for them.
 *
 * The agent sends codes and numbers (struct wire_reason); only guardctl turns them into words, so
 * reason.c is no part of libguard.so. Sizes in bytes, rates in bytes per hour, times in seconds.
 */
#pragma once
#include "protocol/wire.h"
#include <stddef.h>

/* The comments name value[0], [1], [2]. Never renumber: recordings hold these codes. */
enum reason_code {
	REASON_NONE = 0,       /* ends the list */
	REASON_TOO_FEW,	       /* samples, min_samples */
	REASON_RSS_GROWS,      /* rate, R2, score */
	REASON_LIVE_GROWS,     /* rate, R2, score */
	REASON_SCORE_ABOVE,    /* score, leak_score, for how long */
	REASON_STEADY,	       /* rate of RSS, score, leak_score */
	REASON_SUSPECT,	       /* age, hold, score: would be a verdict if the process were older */
	REASON_OUTSIDE_HEAP,   /* rate of RSS, rate of what the C library has mapped */
	REASON_FILE_OR_SHARED, /* rate of RSS, rate of file-backed and shared pages */
	REASON_RETAINED,       /* rate of RSS, rate of live bytes, bytes free in the C heap */
	REASON_LIMIT_REACHED,  /* RSS, limit, 1 when it is the cgroup's */
	REASON_LIMIT_NEAR,     /* time left, limit, 1 when it is the cgroup's */
	REASON_RATE,	       /* rate over 10 minutes, leak_rate */
	REASON_GROWTH_LIMIT,   /* growth over the baseline, growth_limit, baseline */
	N_REASON_CODES,
};

/*
 * One reason as plain words without a full stop, cut at size: "RSS grows by 42.0 MB/h (R2 0.97,
 * score 0.83)". Returns the length written. An unknown code is named by its number.
 */
size_t reason_text(const struct wire_reason *reason, char *text, size_t size);
