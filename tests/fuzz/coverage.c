/*
 * Coverage. See coverage.h. An edge is a place in a table by hash: two may share one, which costs a find now and then.
 */
#include "tests/fuzz/coverage.h"
#include <string.h>

#define PLACES 65536u

static uint8_t count[PLACES], known[PLACES]; /* known: a bit for each magnitude of count */
static uint16_t touched[PLACES];
static unsigned n_touched, n_known;
static uintptr_t previous;

extern const char __executable_start[];

void __sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_pc(void)
{
	uintptr_t here = (uintptr_t)__builtin_return_address(0) - (uintptr_t)__executable_start;
	unsigned place = (unsigned)(((here ^ previous) * UINT64_C(0x9e3779b97f4a7c15)) >> 48);

	previous = here << 1;
	if (!count[place])
		touched[n_touched++] = (uint16_t)place;
	if (count[place] < UINT8_MAX)
		count[place]++;
}

void coverage_begin(void)
{
	while (n_touched)
		count[touched[--n_touched]] = 0;
	previous = 0;
}

static uint8_t magnitude(uint8_t n)
{
	return n < 4 ? (uint8_t)(1u << (n - 1)) : n < 8 ? 8 : n < 16 ? 16 : n < 32 ? 32 : n < 128 ? 64 : 128;
}

bool coverage_end(void)
{
	bool new = false;

	for (unsigned i = 0; i < n_touched; i++) {
		uint8_t *all = &known[touched[i]], bit = magnitude(count[touched[i]]);

		if (*all & bit)
			continue;
		n_known += !*all;
		*all |= bit;
		new = true;
	}
	return new;
}

unsigned coverage_new_edges(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < n_touched; i++)
		n += !known[touched[i]];
	return n;
}

unsigned coverage_edges(void)
{
	return n_known;
}

void coverage_forget(void)
{
	memset(known, 0, sizeof(known));
	n_known = 0;
}
