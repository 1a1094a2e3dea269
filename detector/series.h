/*
 * Series -- values over time, with a least-squares line through the newest of them at any moment.
 *
 * Many series share one axis: the axis keeps the times, a series only its values, so that a
 * callsite's costs 8 bytes a sample and 128 more. Pushing and fitting take a few nanoseconds
 * whatever the window: sums slide, and they slide exactly, because they are 128-bit integers of
 * microseconds and bytes. So nothing drifts, nothing has to be recomputed or recentred, and a
 * terabyte that grows by a byte fits as well as a kilobyte. Distances from a series' first sample
 * are cut at 2^50 (35 years, 1 PiB), which keeps every product below 2^127 for 4096 samples.
 *
 * Storage is the caller's. Context: any, one thread at a time; pure.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define SERIES_LONGEST 4096u /* samples of a window */

struct series_axis {
	uint64_t *times;   /* us; capacity of them, the caller's */
	uint64_t dropped;  /* the time that the newest one replaced */
	uint64_t steps;	   /* times pushed ever; the newest is times[(steps - 1) % capacity] */
	uint32_t capacity; /* 1..SERIES_LONGEST */
};

struct series {
	uint64_t *values; /* as many as the axis has times, the caller's; at the same places */
	uint64_t steps;	  /* of the axis, at the last push */
	uint64_t first_time, first_value;
	uint32_t n;
	/* Sums over the newest n samples of time (x) and value (y) since the first. */
	__int128 x, y, xx, xy, yy;
};

/* A line: value = ... + slope * time. No figure is ever NaN or infinite. */
struct fit {
	uint32_t n;
	double bytes_per_hour; /* slope; 0 with fewer than two times */
	double r2;	       /* 0..1; 0 for a constant series */
};

void series_axis_init(struct series_axis *axis, uint64_t *times, uint32_t capacity);
/* The next time; then push one value to each of the axis' series, or none to those that begin later. */
void series_axis_push(struct series_axis *axis, uint64_t time_ns);
/* The time of the sample `back` steps before the newest (0: the newest), us. */
uint64_t series_axis_time(const struct series_axis *axis, uint64_t back);

void series_init(struct series *s, uint64_t *values);
/*
 * The value at the axis' newest time; it takes the place of the oldest when the window is full.
 * A series that missed a step of its axis begins anew.
 */
void series_push(struct series *s, const struct series_axis *axis, uint64_t value);
/* Drops samples older than time_ns, but keeps the newest `keep`. */
void series_drop_before(struct series *s, const struct series_axis *axis, uint64_t time_ns, uint32_t keep);
struct fit series_fit(const struct series *s);
