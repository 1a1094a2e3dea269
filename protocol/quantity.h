/*
 * Quantities -- counts, sizes, times, rates and fractions, as people write them.
 *
 * Sizes take K, M, G (binary), times ms, s, m, h (a bare number: seconds), rates SIZE/TIME with
 * TIME one of s, m, h, fractions a number from 0 to 1 or N%; units in either case; all but counts
 * may have decimals, nine of which are kept. What is printed parses to the same value. No locale,
 * no allocation. Context: any; pure, async-signal-safe.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* Text in the caller's buffer: cut at its size, always NUL-terminated when size > 0. */
struct text {
	char *p;
	size_t size, length;
};

void text_put(struct text *t, const char *s, size_t n);
void text_put_string(struct text *t, const char *s);

/* 0, -EINVAL: not of this form, -ERANGE: too large. *value is written on success alone. */
int quantity_parse_count(const char *s, uint64_t *value);
int quantity_parse_duration(const char *s, uint64_t *nanoseconds);
int quantity_parse_size(const char *s, uint64_t *bytes);
int quantity_parse_rate(const char *s, double *bytes_per_hour);
int quantity_parse_fraction(const char *s, double *fraction);
/*
 * The next item of "NAME=COUNT,...": 1, 0 at the end, or -EINVAL. A NAME may hold '=' and ',' (C++): its COUNT is the
 * first '=' and digits that stand before a ',' or the end. *list moves on; *name is not NUL-terminated.
 */
int quantity_next_limit(const char **list, const char **name, size_t *length, uint64_t *count);

/* In the largest unit that shows it whole. */
void quantity_print_count(struct text *t, uint64_t value);
void quantity_print_duration(struct text *t, uint64_t nanoseconds);
void quantity_print_size(struct text *t, uint64_t bytes);
void quantity_print_rate(struct text *t, double bytes_per_hour);
void quantity_print_fraction(struct text *t, double fraction);
