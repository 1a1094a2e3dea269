/*
 * Comparisons. See comparisons.h.
 */
#include "tests/fuzz/comparisons.h"

#define KEPT 512u
#define CASES_MOST 64u

static uint64_t values[KEPT];
static unsigned n_values;

/* Small ones are tried anyway. */
static void keep(uint64_t value)
{
	if (value > UINT8_MAX)
		values[n_values++ % KEPT] = value;
}

/* Both sides: either may come from the input. */
static void note(uint64_t a, uint64_t b)
{
	if (a != b) {
		keep(a);
		keep(b);
	}
}

/* What the compiler calls. */
#define COMPARISON(name, type)                                                                                         \
	void __sanitizer_cov_trace_##name(type a, type b);                                                             \
	void __sanitizer_cov_trace_##name(type a, type b)                                                              \
	{                                                                                                              \
		note(a, b);                                                                                            \
	}
COMPARISON(cmp1, uint8_t)
COMPARISON(cmp2, uint16_t)
COMPARISON(cmp4, uint32_t)
COMPARISON(cmp8, uint64_t)
COMPARISON(const_cmp1, uint8_t)
COMPARISON(const_cmp2, uint16_t)
COMPARISON(const_cmp4, uint32_t)
COMPARISON(const_cmp8, uint64_t)

/* Inputs hold no floating-point numbers. */
void __sanitizer_cov_trace_cmpf(float a, float b);
void __sanitizer_cov_trace_cmpf(float a, float b)
{
	(void)a;
	(void)b;
}

void __sanitizer_cov_trace_cmpd(double a, double b);
void __sanitizer_cov_trace_cmpd(double a, double b)
{
	(void)a;
	(void)b;
}

/* table: how many cases there are, their width, then they. */
void __sanitizer_cov_trace_switch(uint64_t value, void *table);
void __sanitizer_cov_trace_switch(uint64_t value, void *table)
{
	const uint64_t *cases = table;

	for (uint64_t i = 0; i < cases[0] && i < CASES_MOST; i++)
		note(value, cases[2 + i]);
}

uint64_t comparisons_value(uint64_t n)
{
	unsigned have = n_values < KEPT ? n_values : KEPT;

	return have ? values[n % have] : 0;
}
