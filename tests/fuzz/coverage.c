/*
 * Coverage. See coverage.h. An edge is a place in a table by hash: two may share one, which costs a find now and then.
 */
#include "tests/fuzz/coverage.h"
#include <stddef.h>
#include <string.h>

#define PLACES 65536u
#define COMPARED 512u

static uint8_t count[PLACES], known[PLACES]; /* known: a bit for each magnitude of count */
static uint16_t touched[PLACES];
static unsigned n_touched, n_known;
static uintptr_t previous;
static uint64_t compared[COMPARED];
static unsigned n_compared;

extern const char __executable_start[];

void __sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_cmp1(uint8_t a, uint8_t b);
void __sanitizer_cov_trace_cmp2(uint16_t a, uint16_t b);
void __sanitizer_cov_trace_cmp4(uint32_t a, uint32_t b);
void __sanitizer_cov_trace_cmp8(uint64_t a, uint64_t b);
void __sanitizer_cov_trace_const_cmp1(uint8_t a, uint8_t b);
void __sanitizer_cov_trace_const_cmp2(uint16_t a, uint16_t b);
void __sanitizer_cov_trace_const_cmp4(uint32_t a, uint32_t b);
void __sanitizer_cov_trace_const_cmp8(uint64_t a, uint64_t b);
void __sanitizer_cov_trace_cmpf(float a, float b);
void __sanitizer_cov_trace_cmpd(double a, double b);
void __sanitizer_cov_trace_switch(uint64_t value, void *table);

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

/* Both sides: either may be what the input has to hold. Small ones are tried anyway. */
static void note(uint64_t a, uint64_t b)
{
	if (a == b)
		return;
	if (a > UINT8_MAX)
		compared[n_compared++ % COMPARED] = a;
	if (b > UINT8_MAX)
		compared[n_compared++ % COMPARED] = b;
}

void __sanitizer_cov_trace_cmp1(uint8_t a, uint8_t b)
{
	note(a, b);
}

void __sanitizer_cov_trace_cmp2(uint16_t a, uint16_t b)
{
	note(a, b);
}

void __sanitizer_cov_trace_cmp4(uint32_t a, uint32_t b)
{
	note(a, b);
}

void __sanitizer_cov_trace_cmp8(uint64_t a, uint64_t b)
{
	note(a, b);
}

void __sanitizer_cov_trace_const_cmp1(uint8_t a, uint8_t b)
{
	note(a, b);
}

void __sanitizer_cov_trace_const_cmp2(uint16_t a, uint16_t b)
{
	note(a, b);
}

void __sanitizer_cov_trace_const_cmp4(uint32_t a, uint32_t b)
{
	note(a, b);
}

void __sanitizer_cov_trace_const_cmp8(uint64_t a, uint64_t b)
{
	note(a, b);
}

void __sanitizer_cov_trace_cmpf(float a, float b)
{
	(void)a;
	(void)b;
}

void __sanitizer_cov_trace_cmpd(double a, double b)
{
	(void)a;
	(void)b;
}

/* cases: how many there are, their width, then they. */
void __sanitizer_cov_trace_switch(uint64_t value, void *table)
{
	const uint64_t *cases = table;

	for (uint64_t i = 0; i < cases[0] && i < 64; i++)
		note(value, cases[2 + i]);
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

uint64_t coverage_compared(uint64_t n)
{
	unsigned have = n_compared < COMPARED ? n_compared : COMPARED;

	return have ? compared[n % have] : 0;
}
