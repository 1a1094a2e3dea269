/*
 * Settings. See settings.h.
 */
#include "agent/settings.h"
#include "agent/process.h"
#include "agent/store.h"
#include "agent/sys.h"
#include <string.h>

struct options options;

/* Fixed at the start: buffers and windows have been sized by them, or their moment has passed. */
static const char *const fixed[] = {"socket", "window", "baseline_samples", "depth", "start_delay"};

/* One line on standard error: a mistake in the host's environment is worth that, nothing else is. */
static void warn(void *context, const char *line)
{
	static const char prefix[] = "libguard: ";
	char text[512];
	size_t n = strlen(line);

	(void)context;
	if (n > sizeof(text) - sizeof(prefix) - 1)
		n = sizeof(text) - sizeof(prefix) - 1;
	memcpy(text, prefix, sizeof(prefix) - 1);
	memcpy(text + sizeof(prefix) - 1, line, n);
	text[sizeof(prefix) - 1 + n] = '\n';
	sys3(SYS_write, 2, text, sizeof(prefix) + n);
}

/* What the table knows but this version does not do yet: better said than silently left out. */
static const char *unavailable(struct options *o)
{
	if (o->action == ACTION_TERM) {
		o->action = ACTION_LOG;
		return "action: term is not there yet; log is used";
	}
	if (o->block_limit[0]) {
		o->block_limit[0] = '\0';
		return "block_limit: not there yet; there is none";
	}
	return NULL;
}

void settings_begin(char *const *environment)
{
	const char *line;

	options_default(&options);
	options_from_environment(&options, environment, warn, NULL);
	while ((line = unavailable(&options)))
		warn(NULL, line);
}

static bool refuse(char *error, size_t size, const char *name, size_t length, const char *why)
{
	size_t n = length < size / 2 ? length : size / 2;

	memcpy(error, name, n);
	for (const char *s = why; *s && n + 1 < size; s++)
		error[n++] = *s;
	error[n] = '\0';
	return false;
}

bool settings_change(const char *text, char *error, size_t size)
{
	static struct options changed;
	const char *equals = strchr(text, '='), *line;
	size_t length = equals ? (size_t)(equals - text) : 0;

	if (!equals)
		return refuse(error, size, text, strlen(text), ": write name=value");
	for (unsigned i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		if (strlen(fixed[i]) == length && !memcmp(fixed[i], text, length))
			return refuse(error, size, text, length, ": fixed once the process runs; set it at the start");
	changed = options;
	if (option_set(&changed, text, length, equals + 1, error, size))
		return false;
	line = unavailable(&changed);
	if (line)
		return refuse(error, size, line, strlen(line), "");
	options = changed;
	if (store)
		options_print_changed(&options, store->options, sizeof(store->options));
	return true;
}
