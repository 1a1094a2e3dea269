/*
 * Thresholds -- every number that the evidence detector decides by, in one place.
 *
 * t is the age of the process, or of what is judged since a restart of the clock. None of them depends on the
 * unit of time: the same behaviour a thousand times slower is judged the same.
 */
#pragma once

/* The clock. */
#define EPOCH_BASE_LEAST_NS UINT64_C(100000000) /* the first epochs' length: 4 intervals, within these two */
#define EPOCH_BASE_MOST_NS UINT64_C(1000000000)
#define EPOCH_BASE_INTERVALS 4u
#define EPOCH_READINGS 8u /* readings in an epoch, at the least */
#define EPOCH_LEAST 12u	  /* whole epochs without which nothing is said */
#define COHORT_SHARE 12u  /* a cohort of births is as wide as 1/12 of the age at its beginning */

/* Who is a candidate: as many live blocks at the end of an epoch, or as many live bytes. */
#define CANDIDATE_BLOCKS 8u
#define CANDIDATE_BYTES 4096u

/* What counts as evidence: what was born after the first quarter, and is a quarter of t old. */
#define WARM_UP_SHARE 0.25
#define MATURE_SHARE 0.75
#define OLD_SINCE 0.5 /* the number of old blocks is looked at from here on */
/* E1: Mann-Kendall's z of the troughs, and by how many blocks they have to rise. */
#define TREND_Z 2.9
#define TREND_BLOCKS 8.0
/* E2: survivors, in blocks and in bytes. */
#define SURVIVOR_BLOCKS 8.0
#define SURVIVOR_BYTES 512.0
#define SURVIVOR_BURSTS 4.0 /* and in as many bursts, or it is a few steps */
#define KEPT_BURSTS 6.0	    /* as many for the time, where nearly all survive and the young ones count too */
/* E3: the greatest single rise may be this share of all. */
#define STEP_SHARE 0.5
/*
 * E4: share of the old blocks freed in the last eighth; fewer deaths than this are none. Where a share stays they are
 * clearly fewer than blocks without memory would have, and the others die young: of the births that are not mature yet
 * a third more have died than where blocks die at any age alike.
 */
#define HAZARD_SHARE 0.1
#define HAZARD_OF_MEMORYLESS 0.5 /* of what blocks would die that live without memory */
#define HAZARD_SIGMA 1.64	 /* fewer by so many standard deviations: 95 % */
#define HAZARD_DEATHS 2.0
#define HAZARD_BEGIN 0.875
#define HAZARD_YOUNG (4 / 3.0)
/*
 * E5: survivors of the later half of the mature births over those of the earlier. Where nearly all survive, births
 * tell more: their middle since the first quarter is at 0.5 for a line, 0.44 for a root, 0.39 for a logarithm, below
 * for what comes to rest. The bound is of 90 % only: blocks are few, and neither side is to have it easy.
 */
#define DECELERATION 0.75
#define DECELERATION_SIGMA 1.64
#define NONE_UPPER 3.0 /* where none was met there may well have been 3 (95 %) */
#define MIDDLE_OF_BIRTHS 0.43
#define MIDDLE_SIGMA 1.28
/* E6: the last quarter's rise over what the survivors promise; all live blocks over the old ones that became more. */
#define PLATEAU_SHARE 0.4
#define PLATEAU_SIGMA 2.0
/* A site that keeps fewer than this of what it allocates leaks; one that keeps more grows. */
#define KEPT_ALL 0.9
/* The rate: births that kept that many standard deviations more than the rest did are left out. */
#define RATE_SIGMA 2.0
/* Intervals: 80 % on both sides of rates, 95 % of shares (Wilson). */
#define INTERVAL_SIGMA 1.2816
#define WILSON_SIGMA 1.96
/* E7: evaluations in a row, on a running process. */
#define CONSECUTIVE 2u
/* Benjamini and Hochberg's false discovery rate over the candidates that have survivors. */
#define DISCOVERY_RATE 0.01

/* The byte channel: exponent of growth, distinct levels since t/8. */
#define BYTES_EXPONENT 0.35
#define BYTES_Z 2.6 /* few levels make many ties */
#define BYTES_LEVELS 3u
#define BYTES_LEVELS_MANY 8u
#define BYTES_BIRTHS 2.0    /* more births than so many times the live blocks, most of them young: churn */
#define BYTES_OF_BLOCKS 0.5 /* not where this share of the rise is more blocks rather than larger ones */
#define MARKS_IN_A_ROW 5u
#define MARKS_STEADY 0.25 /* of the mean step, the least one */

/* The process: RSS that is neither live nor ours. */
#define FOOTPRINT_BYTES 8388608.0 /* less than this is not worth a word */
#define FOOTPRINT_BLOCK_BYTES 16  /* of the allocator's own, a block */
#define FOOTPRINT_NOW 0.875	  /* now: the last eighth */
#define FOOTPRINT_SHARE 0.7	  /* of the growth of RSS */
#define WARM_UP_BYTES 0.1	  /* callsites at rest after growing hold this share of the live bytes: warm_up */
