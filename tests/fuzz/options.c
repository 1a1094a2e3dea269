/*
 * Fuzzes protocol/options: whatever is set, it is refused with a reason or printed so that it
 * parses to the same.
 *
 * An input is lines; each is an option to set, and a variable of the environment.
 */
#include "protocol/options.h"
#include "tests/fuzz/fuzz.h"
#include <errno.h>
#include <string.h>

#define LINES 64

size_t fuzz_seed(unsigned n, uint8_t *data, size_t size)
{
	static const char *const more[] = {
		"interval=1.5h\nwindow=4096\nhold=10ms\n",
		"rss_limit=1.25G\ngrowth_limit=off\nleak_rate=5M/m\n",
		"block_limit=a=1,f(int, int)=22,operator==(A)=3\n",
		"GUARD_INTERVAL=5x\nGUARD_INTERVALL=5\nGUARD_=\n",
		"overhead_budget=3.25%\nleak_score=0.123456789\nmode=counts\naction=term\n",
		"interval=18446744073.709551615\nsocket=/a/b\tc\n",
		"socket=/a/longer/one\nsocket=/b\nblock_limit=a=100\nblock_limit=b=1\n",
		"GUARD_ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF=1\nabcdefghijklmnopqrstuvwxyzabcdef=1\n",
		"GUARD_INTERVAL_INTERVAL_INTERVAL_INTERVAL_INTERVAL_INTERVAL_INTERVAL_INTERVAL=1\n",
		"interval_interval_interval_interval_interval_interval_interval_interval=1\n",
	};
	const struct option_row *row = &option_rows[n < n_option_rows ? n : 0];

	if (n < n_option_rows)
		return (size_t)snprintf((char *)data, size, "%s=%s\nGUARD_X=1\n", row->name, row->fallback);
	n -= n_option_rows;
	if (n < sizeof(more) / sizeof(more[0]))
		return (size_t)snprintf((char *)data, size, "%s", more[n]);
	n -= sizeof(more) / sizeof(more[0]);
	return n < 4 ? (size_t)snprintf((char *)data, size, "socket=%0*d\n", 509 + n, 0) : 0; /* around the longest */
}

static void warn(void *context, const char *line)
{
	FUZZ_CHECK(context == NULL && *line && strlen(line) < 256 && !strchr(line, '\n'));
}

static void set(struct options *options, const char *line)
{
	struct options before = *options;
	const char *equals = strchr(line, '=');
	char error[200] = "";
	int r;

	if (!equals)
		return;
	r = option_set(options, line, (size_t)(equals - line), equals + 1, error, sizeof(error));
	FUZZ_CHECK(r == 0 || r == -EINVAL || r == -ENOENT);
	FUZZ_CHECK((r == 0) == (*error == '\0'));
	FUZZ_CHECK(r == 0 || !memcmp(&before, options, sizeof(before)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *lines[LINES + 1] = {0}, printed[4096];
	struct options options, again;
	unsigned n = 0, i;
	char *line, *rest;

	memcpy(text, data, size);
	text[size] = '\0';
	for (line = strtok_r(text, "\n", &rest); line && n < LINES; line = strtok_r(NULL, "\n", &rest))
		lines[n++] = line;
	options_default(&options);
	options_from_environment(&options, lines, warn, NULL);
	for (i = 0; i < n; i++)
		set(&options, lines[i]);
	options_print_changed(&options, printed, sizeof(printed));
	options_default(&again);
	for (line = strtok_r(printed, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		set(&again, line);
	/* Fractions are printed to nine decimals: percentages may have had eleven. */
	FUZZ_CHECK(options.overhead_budget - again.overhead_budget < 1e-9);
	options.overhead_budget = again.overhead_budget;
	options.leak_score = again.leak_score;
	FUZZ_CHECK(!memcmp(&options, &again, sizeof(options)));
	free(text);
	return 0;
}
