/*
 * Tests of protocol/quantity: units, exactness, refusals, and that what is printed parses to the same.
 */
#include "protocol/quantity.h"
#include "tests/unit/check.h"
#include <errno.h>

#define S UINT64_C(1000000000)

static void test_durations(void)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} good[] = {{"30s", 30 * S},	{"30", 30 * S},	    {"10ms", S / 100},		{"1.5s", S * 3 / 2},
		    {"2m", 120 * S},	{"24h", 86400 * S}, {"0.000001ms", 1},		{"0.25H", 900 * S},
		    {"0s", 0},		{"5MS", S / 200},   {"0.1s", S / 10},		{"1.0000000009s", S},
		    {"0.3h", 1080 * S}, {"0.7m", 42 * S},   {"1.999999999s", 2 * S - 1}};
	static const char *const bad[] = {"",	 "s",	"5x",	"-1s", "+1s", " 1s", "1 s", "1s ", "1.s",
					  ".5s", "1e3", "0x10", "1,5", "1ss", "1hm", "nan", "inf", "1.5.5s"};
	uint64_t ns = 7;
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		CHECK_EQ(quantity_parse_duration(good[i].text, &ns), 0);
		CHECK_EQ(ns, good[i].ns);
	}
	ns = 7;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_EQ(quantity_parse_duration(bad[i], &ns), -EINVAL);
	CHECK_EQ(quantity_parse_duration("18446744073s", &ns), 0);
	ns = 7;
	CHECK_EQ(quantity_parse_duration("18446744074s", &ns), -ERANGE);
	CHECK_EQ(quantity_parse_duration("18446744073.9s", &ns), -ERANGE);
	CHECK_EQ(quantity_parse_duration("99999999999999999999", &ns), -ERANGE);
	CHECK_EQ(ns, 7);
}

static void test_sizes_and_counts(void)
{
	uint64_t n = 7;

	CHECK_EQ(quantity_parse_size("512K", &n), 0);
	CHECK_EQ(n, 512 * 1024);
	CHECK_EQ(quantity_parse_size("1.5g", &n), 0);
	CHECK_EQ(n, UINT64_C(3) << 29);
	CHECK_EQ(quantity_parse_size("0.1M", &n), 0);
	CHECK_EQ(n, 104857);
	CHECK_EQ(quantity_parse_size("18446744073709551615", &n), 0);
	CHECK_EQ(n, UINT64_MAX);
	CHECK_EQ(quantity_parse_size("17179869184G", &n), -ERANGE);
	CHECK_EQ(quantity_parse_size("1T", &n), -EINVAL);
	CHECK_EQ(quantity_parse_size("1KB", &n), -EINVAL);
	CHECK_EQ(quantity_parse_size("off", &n), -EINVAL);
	CHECK_EQ(quantity_parse_count("120", &n), 0);
	CHECK_EQ(n, 120);
	CHECK_EQ(quantity_parse_count("1.0", &n), -EINVAL);
	CHECK_EQ(quantity_parse_count("1K", &n), -EINVAL);
	CHECK_EQ(quantity_parse_count("18446744073709551616", &n), -ERANGE);
	CHECK_EQ(n, 120);
}

static void test_rates_and_fractions(void)
{
	double d = 7;

	CHECK_EQ(quantity_parse_rate("5M/m", &d), 0);
	CHECK_NEAR(d, 300 * 1048576, 0);
	CHECK_EQ(quantity_parse_rate("10M/h", &d), 0);
	CHECK_NEAR(d, 10 * 1048576, 0);
	CHECK_EQ(quantity_parse_rate("1/s", &d), 0);
	CHECK_NEAR(d, 3600, 0);
	CHECK_EQ(quantity_parse_rate("0", &d), 0);
	CHECK_NEAR(d, 0, 0);
	d = 7;
	CHECK_EQ(quantity_parse_rate("5M", &d), -EINVAL);
	CHECK_EQ(quantity_parse_rate("5M/", &d), -EINVAL);
	CHECK_EQ(quantity_parse_rate("5M/d", &d), -EINVAL);
	CHECK_EQ(quantity_parse_rate("/h", &d), -EINVAL);
	CHECK_EQ(quantity_parse_rate("0/x", &d), -EINVAL);
	CHECK_EQ(quantity_parse_rate("9999999999G/s", &d), -ERANGE);
	CHECK(d == 7);
	CHECK_EQ(quantity_parse_fraction("0.8", &d), 0);
	CHECK(d == 0.8);
	CHECK_EQ(quantity_parse_fraction("3%", &d), 0);
	CHECK(d == 0.03);
	CHECK_EQ(quantity_parse_fraction("100%", &d), 0);
	CHECK(d == 1);
	CHECK_EQ(quantity_parse_fraction("1.01", &d), -ERANGE);
	CHECK_EQ(quantity_parse_fraction("100.1%", &d), -ERANGE);
	CHECK_EQ(quantity_parse_fraction("3%%", &d), -EINVAL);
	CHECK_EQ(quantity_parse_fraction("3 %", &d), -EINVAL);
	CHECK(d == 1);
}

static void test_limits_list(void)
{
	const char *list = "operator==(A, B)=5,cache_put=2200", *name;
	size_t length;
	uint64_t count;

	CHECK_EQ(quantity_next_limit(&list, &name, &length, &count), 1);
	CHECK_EQ(length, strlen("operator==(A, B)"));
	CHECK_EQ(count, 5);
	CHECK_EQ(quantity_next_limit(&list, &name, &length, &count), 1);
	CHECK(length == 9 && !memcmp(name, "cache_put", 9));
	CHECK_EQ(count, 2200);
	CHECK_EQ(quantity_next_limit(&list, &name, &length, &count), 0);
	list = "=5";
	CHECK_EQ(quantity_next_limit(&list, &name, &length, &count), -EINVAL);
	list = "a=1,";
	CHECK_EQ(quantity_next_limit(&list, &name, &length, &count), -EINVAL);
	list = "a";
	CHECK_EQ(quantity_next_limit(&list, &name, &length, &count), -EINVAL);
	list = "a=1.5";
	CHECK_EQ(quantity_next_limit(&list, &name, &length, &count), -EINVAL);
	list = "a=99999999999999999999";
	CHECK_EQ(quantity_next_limit(&list, &name, &length, &count), -EINVAL);
}

static const char *printed(void (*print)(struct text *, uint64_t), uint64_t value)
{
	static char s[64];
	struct text t = {s, sizeof(s), 0};

	print(&t, value);
	return s;
}

static void test_printing(void)
{
	char s[16];
	struct text t = {s, 4, 0};
	uint64_t state = 1, n, back;
	double d;
	int i;

	CHECK_TEXT(printed(quantity_print_duration, 30 * S), "30s");
	CHECK_TEXT(printed(quantity_print_duration, 3600 * S), "1h");
	CHECK_TEXT(printed(quantity_print_duration, 1), "0.000001ms");
	CHECK_TEXT(printed(quantity_print_duration, 0), "0s");
	CHECK_TEXT(printed(quantity_print_size, 512 * 1024), "512K");
	CHECK_TEXT(printed(quantity_print_size, 0), "0");
	CHECK_TEXT(printed(quantity_print_count, UINT64_MAX), "18446744073709551615");
	for (i = 0; i < 10000; i++) {
		state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
		n = state >> (state >> 58);
		back = ~n;
		CHECK(quantity_parse_duration(printed(quantity_print_duration, n), &back) == 0 && back == n);
		CHECK(quantity_parse_size(printed(quantity_print_size, n), &back) == 0 && back == n);
		t = (struct text){s, sizeof(s), 0};
		quantity_print_fraction(&t, (double)(n % 1000000001) / 1e9);
		CHECK(quantity_parse_fraction(s, &d) == 0 && d == (double)(n % 1000000001) / 1e9);
	}
	t = (struct text){s, 4, 0};
	text_put_string(&t, "abcdef");
	CHECK_TEXT(s, "abc");
	CHECK_EQ(t.length, 3);
	t = (struct text){s, 0, 0};
	text_put_string(&t, "x");
	CHECK_EQ(t.length, 0);
}

int main(void)
{
	test_durations();
	test_sizes_and_counts();
	test_rates_and_fractions();
	test_limits_list();
	test_printing();
	return check_result();
}
