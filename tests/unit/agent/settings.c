/*
 * Tests of agent/settings: what the environment says, and what may change while the process runs.
 */
#include "agent/settings.h"
#include "tests/unit/agent/agent.h"

static char said[8192];

/* What settings_begin writes to standard error. */
static const char *begin(const char *const *environment)
{
	int ends[2], saved = dup(2);
	ssize_t n;

	if (pipe(ends) || dup2(ends[1], 2) != 2)
		abort();
	close(ends[1]);
	settings_begin((char *const *)environment);
	dup2(saved, 2);
	close(saved);
	n = read(ends[0], said, sizeof(said) - 1);
	close(ends[0]);
	said[n > 0 ? n : 0] = '\0';
	return said;
}

static unsigned lines(const char *text)
{
	unsigned n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static void test_defaults(void)
{
	const char *none[] = {NULL}, *others[] = {"PATH=/bin", "GUARDIAN=1", "GUARD=2", NULL};
	struct options defaults;

	options_default(&defaults);
	CHECK_TEXT(begin(none), "");
	CHECK(!memcmp(&options, &defaults, sizeof(options)));
	CHECK_TEXT(begin(others), "");
	CHECK(!memcmp(&options, &defaults, sizeof(options)));
}

static void test_environment(void)
{
	const char *environment[] = {"GUARD_INTERVAL=5s",  "GUARD_DEPTH=10",	   "GUARD_SOCKET=/x/y",
				     "GUARD_RSS_LIMIT=2G", "GUARD_START_DELAY=0s", NULL};

	CHECK_TEXT(begin(environment), "");
	CHECK_EQ(options.interval, 5000000000);
	CHECK_EQ(options.depth, 10);
	CHECK_TEXT(options.socket, "/x/y");
	CHECK_EQ(options.rss_limit, UINT64_C(2) << 30);
	CHECK_EQ(options.start_delay, 0);
}

/* One line each that names the variable and the value; the rest is as it should be. */
static void test_bad_values(void)
{
	const char *environment[] = {"GUARD_INTERVAL=soon", "GUARD_DEPTH=0", "GUARD_WINDOW=60", "GUARD_MODE=fast",
				     NULL};
	const char *text = begin(environment);

	CHECK_EQ(lines(text), 3);
	CHECK(!strncmp(text, "libguard: ", 10));
	CHECK(strstr(text, "GUARD_INTERVAL") && strstr(text, "soon"));
	CHECK(strstr(text, "GUARD_DEPTH") && strstr(text, "GUARD_MODE") && strstr(text, "fast"));
	CHECK_EQ(options.interval, 30000000000);
	CHECK_EQ(options.depth, 64);
	CHECK_EQ(options.mode, MODE_EXACT);
	CHECK_EQ(options.window, 60);
}

static void test_long_value(void)
{
	static char value[5000] = "GUARD_INTERVAL=";
	const char *environment[] = {value, NULL};

	memset(value + 15, 'x', sizeof(value) - 16);
	begin(environment);
	CHECK_EQ(lines(said), 1);
	CHECK(strlen(said) < 1024);
	CHECK(strstr(said, "GUARD_INTERVAL"));
	CHECK_EQ(options.interval, 30000000000);
}

/* Standard error is closed, or nobody reads it. */
static void test_nobody_reads(void)
{
	const char *environment[] = {"GUARD_INTERVAL=soon", NULL};

	close(2);
	errno = 4711;
	settings_begin((char *const *)environment);
	CHECK_EQ(errno, 4711);
	CHECK_EQ(options.interval, 30000000000);
}

/* Known to the table, not done yet: said, and not half done. */
static void test_unavailable(void)
{
	const char *environment[] = {"GUARD_ACTION=term", "GUARD_BLOCK_LIMIT=cache=100", NULL};
	const char *text = begin(environment);

	CHECK_EQ(lines(text), 2);
	CHECK(strstr(text, "libguard: action: ") && strstr(text, "libguard: block_limit: "));
	CHECK_EQ(options.action, ACTION_LOG);
	CHECK_TEXT(options.block_limit, "");
}

static void test_modes(void)
{
	static const char *const values[N_MODES] = {"GUARD_MODE=exact", "GUARD_MODE=sampled", "GUARD_MODE=counts",
						    "GUARD_MODE=off"};

	for (uint32_t mode = 0; mode < N_MODES; mode++) {
		const char *environment[] = {values[mode], "GUARD_SAMPLE_BYTES=64K", NULL};

		CHECK_EQ(lines(begin(environment)), 0);
		CHECK_EQ(options.mode, mode);
		CHECK_EQ(options.sample_bytes, 65536);
	}
}

static char error[256];

static bool change(const char *text)
{
	memset(error, 'x', sizeof(error));
	return settings_change(text, error, sizeof(error) - 1);
}

static void test_change(void)
{
	const char *none[] = {NULL};

	begin(none);
	CHECK(change("interval=250ms"));
	CHECK_EQ(options.interval, 250000000);
	CHECK(change("leak_rate=1M/s"));
	CHECK(change("rss_limit=100M"));
	CHECK_EQ(options.rss_limit, 100 << 20);
	CHECK(change("rss_limit=off"));
	CHECK_EQ(options.rss_limit, 0);
	CHECK(change("mode=sampled"));
	CHECK(change("sample_bytes=64K"));
	CHECK_EQ(options.mode, MODE_SAMPLED);
	CHECK(change("action=none"));
	CHECK_EQ(options.action, ACTION_NONE);
	CHECK_EQ(options.depth, 64);
}

/* The region says what the options are now, for who reads it when the process is gone. */
static void test_noted(void)
{
	const char *none[] = {NULL};

	agent_begin(1 << 20);
	begin(none);
	CHECK(change("interval=250ms"));
	CHECK_TEXT(store->options, "interval=250ms\n");
	CHECK(change("mode=counts"));
	CHECK(!change("depth=3"));
	CHECK_TEXT(store->options, "interval=250ms\nmode=counts\n");
	CHECK(change("interval=30s"));
	CHECK_TEXT(store->options, "mode=counts\n");
}

static void refused(const char *text, const char *name, const char *why)
{
	struct options before = options;

	CHECK(!change(text));
	CHECK(memchr(error, '\0', sizeof(error) - 1) != NULL && error[sizeof(error) - 1] == 'x');
	if (!strstr(error, name) || !strstr(error, why))
		printf("%s: %.200s\n", text, error);
	CHECK(strstr(error, name) != NULL && strstr(error, why) != NULL);
	CHECK(!memcmp(&options, &before, sizeof(options)));
}

static void test_refused(void)
{
	static const char *const fixed[] = {"socket=/x", "window=60", "baseline_samples=5", "depth=10",
					    "start_delay=0s"};
	const char *none[] = {NULL};
	char name[32];

	begin(none);
	for (unsigned i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
		*stpncpy(name, fixed[i], strcspn(fixed[i], "=")) = '\0';
		refused(fixed[i], name, "fixed");
	}
	refused("interval", "interval", "name=value");
	refused("", "", "name=value");
	refused("=5", "", "");
	refused("interval=soon", "interval", "soon");
	refused("interval=1ms", "interval", "10ms");
	refused("intervall=5s", "intervall", "");
	refused("interva=5s", "interva", "");
	refused("depths=5", "depths", "");
	refused("dep=5", "dep", "");
	CHECK(strstr(error, "fixed") == NULL);
	refused("action=term", "action", "not there yet");
	CHECK(change("overhead_budget=3%"));
	CHECK_NEAR(options.overhead_budget, 0.03, 0);
	refused("block_limit=a=1", "block_limit", "not there yet");
}

static void test_little_room(void)
{
	const char *none[] = {NULL};
	char text[3000], small[16];

	begin(none);
	memset(text, 'n', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	refused(text, "nnn", "");
	text[2000] = '=';
	refused(text, "nnn", "");
	for (size_t size = 1; size < sizeof(small); size++) {
		memset(small, 'x', sizeof(small));
		CHECK(!settings_change("depth=8", small, size));
		CHECK(memchr(small, '\0', size) != NULL && small[size] == 'x');
	}
}

int main(void)
{
	CASE(test_defaults);
	CASE(test_environment);
	CASE(test_bad_values);
	CASE(test_long_value);
	CASE(test_nobody_reads);
	CASE(test_unavailable);
	CASE(test_modes);
	CASE(test_change);
	CASE(test_noted);
	CASE(test_refused);
	CASE(test_little_room);
	return check_result();
}
