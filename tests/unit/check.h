/*
 * Checks -- what a unit test is made of: a plain main whose functions CHECK things.
 *
 * A check that fails prints file, line and the values, and the test goes on; `return
 * check_result();` ends main. NDEBUG makes no difference.
 */
#pragma once
#undef NDEBUG
#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static unsigned check_failures, check_count;

__attribute__((unused)) static int check_result(void)
{
	printf("%u checks, %u failed\n", check_count, check_failures);
	return check_failures != 0;
}

/* ThreadSanitizer needs address space and memory of its own wherever a test takes all away. */
#ifdef __SANITIZE_THREAD__
#define CHECK_THREAD_SANITIZER true
#else
#define CHECK_THREAD_SANITIZER false
#endif

static inline bool check_note(bool good)
{
	__atomic_fetch_add(&check_count, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&check_failures, !good, __ATOMIC_RELAXED);
	return good;
}

#define CHECK(condition)                                                                                               \
	do {                                                                                                           \
		if (!check_note(condition))                                                                            \
			printf("%s:%d: %s is false\n", __FILE__, __LINE__, #condition);                                \
	} while (0)

/* Integers. */
#define CHECK_EQ(is, should_be)                                                                                        \
	do {                                                                                                           \
		_Static_assert(_Generic((is), double : 0, float : 0, default : 1), "CHECK_NEAR is for doubles");       \
		long long is_ = (long long)(is), should_be_ = (long long)(should_be);                                  \
		if (!check_note(is_ == should_be_))                                                                    \
			printf("%s:%d: %s is %lld (%#llx), not %lld (%#llx)\n", __FILE__, __LINE__, #is, is_, is_,     \
			       should_be_, should_be_);                                                                \
	} while (0)

/* Doubles, both ends included; NaN is never in range. */
#define CHECK_RANGE(is, low, high)                                                                                     \
	do {                                                                                                           \
		double is_ = (is), low_ = (low), high_ = (high);                                                       \
		if (!check_note(is_ >= low_ && is_ <= high_))                                                          \
			printf("%s:%d: %s is %.17g, not in %.17g..%.17g\n", __FILE__, __LINE__, #is, is_, low_,        \
			       high_);                                                                                 \
	} while (0)
#define CHECK_NEAR(is, should_be, error) CHECK_RANGE(is, (should_be) - (error), (should_be) + (error))

#define CHECK_TEXT(is, should_be)                                                                                      \
	do {                                                                                                           \
		const char *is_ = (is), *should_be_ = (should_be);                                                     \
		if (!check_note(!strcmp(is_, should_be_)))                                                             \
			printf("%s:%d: %s is\n\t\"%s\", not\n\t\"%s\"\n", __FILE__, __LINE__, #is, is_, should_be_);   \
	} while (0)
