/*
 * Sampling -- what mode sampled takes into its sample, and what a sampled block stands for.
 *
 * The bytes that a thread allocates are one long stream, in which points fall at random, sample_bytes apart on
 * average (a Poisson process). A block of n bytes takes n + 1 bytes of the stream, so that empty ones can be met
 * too. It is sampled when a point falls into its first c bytes, where c is n + 1 rounded down to three binary
 * digits, its class. So each block of a class is sampled with the same probability p = 1 - exp(-c / sample_bytes),
 * whatever else is, and stands for w = 1 / p blocks (Horvitz and Thompson): the sums of w over the sampled
 * blocks, and of w times their size, are unbiased estimates.
 *
 * A callsite of sampled blocks is of one stack, one class and one sample_bytes. Its counters hold what was sampled,
 * as plain numbers, and its weight turns them into estimates: what a block adds when it is allocated is what it takes
 * when it is freed, to the bit. Rounding down costs a tenth of the sample.
 *
 * Pure functions, no libm. Context: any.
 */
#pragma once
#include "protocol/wire.h"
#include <stdbool.h>
#include <stddef.h>

#define SAMPLING_CLASSES 252u
#define SAMPLING_BYTES_MOST (UINT64_C(1) << 40) /* of sample_bytes; option sample_bytes allows less */

/* Takes what stands behind a stack's frames. False: it makes no sense. */
bool sampling_read(struct wire_sampling *sampling, const void *from, size_t size);
/* The class of a block of this size. */
uint32_t sampling_class(uint64_t size);
/* The bytes c of a class. */
uint64_t sampling_class_bytes(uint32_t class);
/* What a sampled block stands for, 1 at least: 1 / p, to 1e-14 of it. */
double sampling_weight(const struct wire_sampling *sampling);

/*
 * The variance of the estimates that n sampled blocks of together `bytes` bytes make; for figures of blocks, bytes
 * is n. Of blocks that were freed again nothing is left in it when both are of what lives.
 */
double sampling_variance(double weight, double n, double bytes);
