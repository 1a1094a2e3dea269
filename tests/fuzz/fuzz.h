/*
 * Fuzzing -- what a target gives to the driver (driver.c), or to libFuzzer, which needs the first alone.
 *
 * A target stops the program (a sanitizer's report, abort) when it finds something; it keeps no
 * state from one input to the next.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* One input: any bytes, 16-byte aligned, exactly `size` of them readable. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The n-th seed (0, 1, ...) of the corpus, at most `size` bytes; 0: there are no more. */
size_t fuzz_seed(unsigned n, uint8_t *data, size_t size);

/* Where a target adds what it reads, so that the reading happens. */
extern volatile uint64_t fuzz_read;

/* What has to hold for every input. */
#define FUZZ_CHECK(condition)                                                                                          \
	do {                                                                                                           \
		if (!(condition)) {                                                                                    \
			fprintf(stderr, "%s:%d: %s is false\n", __FILE__, __LINE__, #condition);                       \
			abort();                                                                                       \
		}                                                                                                      \
	} while (0)
