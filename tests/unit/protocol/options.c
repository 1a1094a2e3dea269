/*
 * Tests of protocol/options: every row is sound, values land where they should, mistakes are
 * explained, the environment is read, and what is printed sets the same again.
 */
#include "protocol/options.h"
#include "tests/unit/check.h"
#include <errno.h>

static struct options options;
static char error[256];

static int set(const char *name, const char *value)
{
	error[0] = '\0';
	return option_set(&options, name, strlen(name), value, error, sizeof(error));
}

static size_t size_of_type(enum option_type type)
{
	switch (type) {
	case OPTION_STRING:
	case OPTION_LIST:
		return OPTION_TEXT_MAX;
	case OPTION_MODE:
	case OPTION_ACTION:
		return 4;
	default:
		return 8;
	}
}

#define FIELD_SIZE(type, field, ...) {type, sizeof(((struct options *)0)->field)},
static const struct {
	enum option_type type;
	size_t size;
} fields[] = {OPTIONS(FIELD_SIZE)};

static void test_rows(void)
{
	struct options defaults;
	unsigned i, j;

	options_default(&defaults);
	CHECK_EQ(sizeof(fields) / sizeof(fields[0]), n_option_rows);
	for (i = 0; i < n_option_rows; i++) {
		const struct option_row *row = &option_rows[i];

		CHECK_EQ(fields[i].size, size_of_type(row->type));
		CHECK(row->offset + fields[i].size <= sizeof(options));
		CHECK(strlen(row->name) <= 32 && strlen(row->help) > 10);
		CHECK(option_find(row->name, strlen(row->name)) == row);
		for (j = 0; j < i; j++)
			CHECK(strcmp(option_rows[j].name, row->name) && option_rows[j].offset != row->offset);
		memset(&options, 0x55, sizeof(options));
		CHECK_EQ(set(row->name, row->fallback), 0);
		CHECK_TEXT(error, "");
		CHECK(!memcmp((char *)&options + row->offset, (char *)&defaults + row->offset, fields[i].size));
		CHECK(*row->minimum == '\0' || set(row->name, row->minimum) == 0);
		CHECK(*row->maximum == '\0' || set(row->name, row->maximum) == 0);
	}
	CHECK(option_find("interva", 7) == NULL);
	CHECK(option_find("", 0) == NULL);
}

static void test_defaults(void)
{
	options_default(&options);
	CHECK_TEXT(options.socket, "");
	CHECK_EQ(options.interval, 30000000000);
	CHECK_EQ(options.window, 120);
	CHECK_EQ(options.min_samples, 10);
	CHECK_EQ(options.baseline_samples, 10);
	CHECK_EQ(options.mode, MODE_EXACT);
	CHECK_EQ(options.sample_bytes, 512 << 10);
	CHECK_EQ(options.depth, 64);
	CHECK(options.overhead_budget == 0 && options.rss_limit == 0 && options.growth_limit == 0);
	CHECK(options.leak_rate == 300.0 * 1048576);
	CHECK(options.score_moderate == 10.0 * 1048576 && options.score_severe == 50.0 * 1048576);
	CHECK_EQ(options.hold, 3600000000000);
	CHECK(options.leak_score == 0.8);
	CHECK_EQ(options.action, ACTION_LOG);
	CHECK_EQ(options.restart_min_interval, 300000000000);
	CHECK_EQ(options.predict, 300000000000);
	CHECK_EQ(options.start_delay, 1000000000);
}

static void test_setting(void)
{
	options_default(&options);
	CHECK_EQ(set("mode", "counts"), 0);
	CHECK_EQ(options.mode, MODE_COUNTS);
	CHECK_EQ(set("action", "none"), 0);
	CHECK_EQ(options.action, ACTION_NONE);
	CHECK_EQ(set("overhead_budget", "3%"), 0);
	CHECK(options.overhead_budget == 0.03);
	CHECK_EQ(set("overhead_budget", "off"), 0);
	CHECK(options.overhead_budget == 0);
	CHECK_EQ(set("rss_limit", "700M"), 0);
	CHECK_EQ(options.rss_limit, 700 << 20);
	CHECK_EQ(set("rss_limit", "off"), 0);
	CHECK_EQ(options.rss_limit, 0);
	CHECK_EQ(set("block_limit", "cache_put=2200,f(int, int)=1"), 0);
	CHECK_TEXT(options.block_limit, "cache_put=2200,f(int, int)=1");
	CHECK_EQ(set("socket", "/a/b"), 0);
	CHECK_EQ(set("socket", "/c"), 0);
	CHECK_TEXT(options.socket, "/c");
}

static void test_mistakes(void)
{
	static const struct {
		const char *name, *value, *message;
	} wrong[] = {
		{"interval", "5x", "interval: '5x' is not a time: write a number with ms, s, m or h, such as 30s"},
		{"interval", "9ms", "interval: '9ms' is too small: the least is 10ms"},
		{"interval", "25h", "interval: '25h' is too large: the most is 24h"},
		{"window", "5000", "window: '5000' is too large: the most is 4096"},
		{"window", "12.5", "window: '12.5' is not a count: write a whole number, such as 120"},
		{"hold", "99999999999999999999", "hold: '99999999999999999999' is too large"},
		{"hold", "off", "hold: 'off' is not a time: write a number with ms, s, m or h, such as 30s"},
		{"rss_limit", "much",
		 "rss_limit: 'much' is not a size: write a number with K, M or G, such as 512K, or off"},
		{"leak_rate", "5M", "leak_rate: '5M' is not a rate: write SIZE/TIME with s, m or h, such as 10M/h"},
		{"leak_score", "2", "leak_score: '2' is too large: the most is 1"},
		{"overhead_budget", "x",
		 "overhead_budget: 'x' is not a fraction: write a number from 0 to 1 or a percentage, such as 3%, or "
		 "off"},
		{"mode", "Exact", "mode: 'Exact' is not a mode: write exact, sampled, counts or off"},
		{"action", "", "action: '' is not an action: write log, term or none"},
		{"block_limit", "a", "block_limit: 'a' is not a list: write NAME=COUNT,..., such as cache_put=2200"},
		{"socket", "a\nb",
		 "socket: 'a?b' is not a path: write at most 511 characters, none of them a control character"},
		{"intervall", "5", "there is no option 'intervall': did you mean interval?"},
		{"", "5", "there is no option ''"},
		{"quux", "5", "there is no option 'quux'"},
	};
	struct options before;
	char text[600], small[8];
	size_t i;

	options_default(&options);
	before = options;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		CHECK_EQ(set(wrong[i].name, wrong[i].value),
			 option_find(wrong[i].name, strlen(wrong[i].name)) ? -EINVAL : -ENOENT);
		CHECK_TEXT(error, wrong[i].message);
		CHECK(!memcmp(&before, &options, sizeof(options)));
	}
	memset(text, 'a', sizeof(text));
	text[512] = '\0';
	CHECK_EQ(set("socket", text), -EINVAL);
	text[511] = '\0';
	CHECK_EQ(set("socket", text), 0);
	CHECK_TEXT(options.socket, text);
	CHECK_EQ(option_set(&options, "mode", 4, "x", small, sizeof(small)), -EINVAL);
	CHECK_TEXT(small, "mode: '");
	CHECK_EQ(option_set(&options, "mode", 4, "x", NULL, 0), -EINVAL);
}

static char warnings[1024];

static void warn(void *context, const char *line)
{
	CHECK(context == warnings);
	strcat(warnings, line);
	strcat(warnings, "\n");
}

static void test_environment(void)
{
	const char *variables[] = {"PATH=/bin",
				   "GUARD_INTERVAL=1s",
				   "GUARD_WINDOW=many",
				   "GUARD_MODE=off",
				   "GUARD_AGENT=x",
				   "GUARD_NOTIFY=0",
				   "GUARD_",
				   "GUARD_DEPTH",
				   "GUARD_HOLDD=1",
				   "guard_depth=3",
				   "GUARD_depth=3",
				   "GUARD_SAMPLE_BYTE=1",
				   NULL};
	char *const *environment = (char *const *)variables;

	options_default(&options);
	options_from_environment(&options, environment, warn, warnings);
	CHECK_TEXT(warnings, "GUARD_WINDOW: 'many' is not a count: write a whole number, such as 120\n"
			     "GUARD_HOLDD is no option: did you mean GUARD_HOLD?\n"
			     "GUARD_SAMPLE_BYTE is no option: did you mean GUARD_SAMPLE_BYTES?\n");
	CHECK_EQ(options.interval, 1000000000);
	CHECK_EQ(options.window, 120);
	CHECK_EQ(options.mode, MODE_OFF);
	CHECK_EQ(options.depth, 64);
	options_from_environment(&options, environment, NULL, NULL);
	options_from_environment(&options, NULL, warn, NULL);
}

static void test_printing(void)
{
	static const char all[] = "interval=1500ms\nwindow=60\nmode=sampled\noverhead_budget=0.035\nrss_limit=700M\n"
				  "block_limit=a=1,b=2\nleak_rate=360M/h\naction=term\nstart_delay=0s\n";
	struct options again;
	char text[1024], *line, *equals;
	size_t n, size;

	options_default(&options);
	CHECK_EQ(options_print_changed(&options, text, sizeof(text)), 0);
	CHECK_TEXT(text, "");
	set("interval", "1.5s");
	set("window", "60");
	set("mode", "sampled");
	set("overhead_budget", "3.5%");
	set("rss_limit", "0.68359375G");
	set("block_limit", "a=1,b=2");
	set("leak_rate", "6M/m");
	set("action", "term");
	set("start_delay", "0");
	CHECK_EQ(options_print_changed(&options, text, sizeof(text)), strlen(all));
	CHECK_TEXT(text, all);
	for (size = 0; size <= sizeof(all); size++) {
		memset(text, 'x', sizeof(text));
		n = options_print_changed(&options, text, size);
		CHECK(n == 0 || (n < size && text[n - 1] == '\n' && text[n] == '\0' && !memcmp(text, all, n)));
		CHECK(text[size] == 'x');
	}
	options_print_changed(&options, text, sizeof(text));
	options_default(&again);
	for (line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		equals = strchr(line, '=');
		CHECK_EQ(option_set(&again, line, (size_t)(equals - line), equals + 1, error, sizeof(error)), 0);
	}
	CHECK(!memcmp(&again, &options, sizeof(again)));
}

int main(void)
{
	test_rows();
	test_defaults();
	test_setting();
	test_mistakes();
	test_environment();
	test_printing();
	return check_result();
}
