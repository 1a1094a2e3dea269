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
	/* Of a callsite, and of the process where all of its callsites say so. */
	REASON_YOUNG,	      /* epochs, epochs needed */
	REASON_KEPT,	      /* survivors, births, 1 when nothing at all is freed */
	REASON_OLD_LIVE,      /* share of the old blocks freed, in how long */
	REASON_RISES,	      /* rise of the troughs in blocks, rate, for how long */
	REASON_BYTES_RISE,    /* rise of the troughs in bytes, rate, live blocks */
	REASON_FLAT,	      /* rise of the troughs in blocks, z */
	REASON_MINOR,	      /* survivors, bytes they hold */
	REASON_LOAD,	      /* rise of the troughs in blocks, survivors, births */
	REASON_TURNOVER,      /* share of the old blocks freed, in how long */
	REASON_STEP,	      /* rise of the troughs in blocks */
	REASON_DECELERATES,   /* survivors of the later half over those of the earlier */
	REASON_PLATEAU,	      /* the last quarter's rise over what the survivors promise */
	REASON_MARKS,	      /* marks, blocks a mark, bytes a mark */
	REASON_SUSPECTED,     /* 1 when this is about the process, age, hold: nothing is said before */
	REASON_RUNNING_SMALL, /* not given any more: bytes that survived, bytes that made a verdict while running */
	/* Of the process. */
	REASON_CALLSITES_LEAK,	  /* callsites, rate */
	REASON_CALLSITES_GROW,	  /* callsites, rate */
	REASON_CALLSITES_SUSPECT, /* callsites, age, hold */
	REASON_CALLSITES_WARM_UP, /* callsites, live bytes of these */
	REASON_CALLSITES_STABLE,  /* callsites judged */
	REASON_KEPT_IDLE,	  /* bytes retained, growth of RSS, growth of live bytes */
	REASON_ADVICE_TRIM,	  /* none */
	REASON_GROWN_OUTSIDE,	  /* bytes outside malloc, in files, shared: since the first quarter */
	REASON_CALLSITES_MARKED,  /* callsites, bytes a mark */
	N_REASON_CODES,
};

/*
 * One reason as plain words without a full stop, cut at size: "RSS grows by 42.0 MB/h (R2 0.97,
 * score 0.83)". Returns the length written. An unknown code is named by its number.
 */
size_t reason_text(const struct wire_reason *reason, char *text, size_t size);
