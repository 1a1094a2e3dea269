/*
 * Quantities -- parsing and printing in integers, so that nothing is rounded on the way.
 *
 * Guarantees and costs: protocol/quantity.h; tens of nanoseconds a value.
 */
#include "protocol/quantity.h"
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define NANO UINT64_C(1000000000)
#define KIB UINT64_C(1024)
#define RATE_MOST 0x1p62

struct unit {
	char name[4];
	uint64_t factor;
};
/* Largest first: the printer takes the first that divides. */
static const struct unit times[] = {{"h", 3600 * NANO}, {"m", 60 * NANO}, {"s", NANO}, {"ms", NANO / 1000}, {"", NANO}};
static const struct unit sizes[] = {{"G", KIB *KIB *KIB}, {"M", KIB *KIB}, {"K", KIB}, {"", 1}};
static const struct unit rates[] = {{"/h", 1}, {"/m", 60}, {"/s", 3600}};
#define UNITS(a) a, sizeof(a) / sizeof(a[0])

void text_put(struct text *t, const char *s, size_t n)
{
	for (; n && t->length + 1 < t->size; n--)
		t->p[t->length++] = *s++;
	if (t->size)
		t->p[t->length] = '\0';
}

void text_put_string(struct text *t, const char *s)
{
	text_put(t, s, strlen(s));
}

/* ---- parsing */

struct number {
	uint64_t whole, nano; /* nano: the decimals in billionths */
	const char *rest;     /* what follows the digits */
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static int parse_number(const char *s, struct number *n)
{
	uint64_t scale = NANO / 10;

	*n = (struct number){0};
	if (!is_digit(*s))
		return -EINVAL;
	for (; is_digit(*s); s++)
		if (__builtin_mul_overflow(n->whole, 10, &n->whole) ||
		    __builtin_add_overflow(n->whole, (uint64_t)(*s - '0'), &n->whole))
			return -ERANGE;
	if (*s == '.') {
		if (!is_digit(*++s))
			return -EINVAL;
		for (; is_digit(*s); s++, scale /= 10)
			n->nano += (uint64_t)(*s - '0') * scale;
	}
	n->rest = s;
	return 0;
}

/* n * factor, rounded down. No step before the last overflows: nano < 1e9, factor < 1e13. */
static int scale(const struct number *n, uint64_t factor, uint64_t *result)
{
	uint64_t decimals = factor / NANO * n->nano + factor % NANO * n->nano / NANO, product;

	if (__builtin_mul_overflow(n->whole, factor, &product) || __builtin_add_overflow(product, decimals, &product))
		return -ERANGE;
	*result = product;
	return 0;
}

/* The unit whose name is the `n` characters at s. */
static const struct unit *find_unit(const struct unit *units, unsigned n_units, const char *s, size_t n)
{
	unsigned i;
	size_t k;

	for (i = 0; n < sizeof(units->name) && i < n_units; i++) {
		for (k = 0; k < n && lower(units[i].name[k]) == lower(s[k]); k++)
			;
		if (k == n && units[i].name[k] == '\0')
			return &units[i];
	}
	return NULL;
}

/* A number and a unit in the `n` characters at s. */
static int parse_scaled(const char *s, size_t n, const struct unit *units, unsigned n_units, uint64_t *value)
{
	struct number number;
	const struct unit *unit;
	int r = parse_number(s, &number);

	if (r < 0)
		return r;
	unit = find_unit(units, n_units, number.rest, (size_t)(s + n - number.rest));
	return unit ? scale(&number, unit->factor, value) : -EINVAL;
}

int quantity_parse_count(const char *s, uint64_t *value)
{
	struct number n;
	int r = parse_number(s, &n);

	if (r < 0)
		return r;
	if (*n.rest || (n.rest > s + 1 && strchr(s, '.')))
		return -EINVAL;
	*value = n.whole;
	return 0;
}

int quantity_parse_duration(const char *s, uint64_t *nanoseconds)
{
	return parse_scaled(s, strlen(s), UNITS(times), nanoseconds);
}

int quantity_parse_size(const char *s, uint64_t *bytes)
{
	return parse_scaled(s, strlen(s), UNITS(sizes), bytes);
}

int quantity_parse_rate(const char *s, double *bytes_per_hour)
{
	const char *slash = strchr(s, '/');
	const struct unit *per = slash ? find_unit(UNITS(rates), slash, strlen(slash)) : NULL;
	uint64_t bytes;
	double rate;
	int r = parse_scaled(s, slash ? (size_t)(slash - s) : strlen(s), UNITS(sizes), &bytes);

	if (r < 0)
		return r;
	if (!per && (slash || bytes)) /* a bare 0 is 0 in any time */
		return -EINVAL;
	rate = (double)bytes * (per ? (double)per->factor : 0);
	if (rate > RATE_MOST)
		return -ERANGE;
	*bytes_per_hour = rate;
	return 0;
}

int quantity_parse_fraction(const char *s, double *fraction)
{
	struct number n;
	int r = parse_number(s, &n);
	uint64_t whole;

	if (r < 0)
		return r;
	whole = *n.rest == '%' ? 100 : 1;
	if (n.rest[whole == 100] != '\0')
		return -EINVAL;
	if (n.whole > whole || (n.whole == whole && n.nano))
		return -ERANGE;
	*fraction = (double)(n.whole * NANO + n.nano) / ((double)whole * 1e9);
	return 0;
}

int quantity_next_limit(const char **list, const char **name, size_t *length, uint64_t *count)
{
	const char *equals = *list;
	struct number n;

	if (!*equals)
		return 0;
	while ((equals = strchr(equals + 1, '='))) {
		if (parse_number(equals + 1, &n) < 0 || n.nano || (*n.rest && *n.rest != ','))
			continue;
		if (*n.rest == ',' && !n.rest[1])
			return -EINVAL;
		*name = *list;
		*length = (size_t)(equals - *list);
		*count = n.whole;
		*list = n.rest + (*n.rest == ',');
		return 1;
	}
	return -EINVAL;
}

/* ---- printing */

void quantity_print_count(struct text *t, uint64_t value)
{
	char digits[20], *p = digits + sizeof(digits);

	do
		*--p = (char)('0' + value % 10);
	while (value /= 10);
	text_put(t, p, (size_t)(digits + sizeof(digits) - p));
}

/* whole + nano / 1e9, without trailing zeros. */
static void print_decimal(struct text *t, uint64_t whole, uint64_t nano)
{
	char digits[10] = ".";
	size_t last = 0, i;

	quantity_print_count(t, whole);
	for (i = sizeof(digits) - 1; i; i--, nano /= 10) {
		digits[i] = (char)('0' + nano % 10);
		if (!last && digits[i] != '0')
			last = i;
	}
	if (last)
		text_put(t, digits, last + 1);
}

static void print_scaled(struct text *t, const struct unit *unit, uint64_t value)
{
	while (value % unit->factor)
		unit++;
	quantity_print_count(t, value / unit->factor);
	text_put_string(t, unit->name);
}

void quantity_print_duration(struct text *t, uint64_t nanoseconds)
{
	const uint64_t ms = NANO / 1000;

	if (nanoseconds == 0) {
		text_put_string(t, "0s");
	} else if (nanoseconds % ms == 0) {
		print_scaled(t, times, nanoseconds);
	} else {
		print_decimal(t, nanoseconds / ms, nanoseconds % ms * (NANO / ms));
		text_put_string(t, "ms");
	}
}

void quantity_print_size(struct text *t, uint64_t bytes)
{
	print_scaled(t, bytes ? sizes : sizes + sizeof(sizes) / sizeof(sizes[0]) - 1, bytes);
}

void quantity_print_rate(struct text *t, double bytes_per_hour)
{
	quantity_print_size(t, (uint64_t)bytes_per_hour);
	text_put_string(t, "/h");
}

void quantity_print_fraction(struct text *t, double fraction)
{
	uint64_t nano = (uint64_t)(fraction * 1e9 + 0.5);

	print_decimal(t, nano / NANO, nano % NANO);
}
