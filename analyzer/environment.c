/*
 * The environment -- GUARD_* variables and --set.
 */
#include "analyzer/environment.h"
#include "analyzer/message.h"
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PREFIX "GUARD_"
#define NAME_SIZE 64

int setting_check(const char *text)
{
	const char *equals = strchr(text, '=');
	struct options scratch;
	char error[512];
	int r;

	if (!equals || equals == text) {
		message("\"%s\" is no setting: NAME=VALUE, and `guardctl help options` lists the names", text);
		return -EINVAL;
	}
	options_default(&scratch);
	r = option_set(&scratch, text, (size_t)(equals - text), equals + 1, error, sizeof(error));
	if (r < 0)
		message("%s", error);
	return r;
}

int settings_add(struct settings *settings, const char *text)
{
	int r = setting_check(text);

	if (r < 0)
		return r;
	if (settings->n == sizeof(settings->items) / sizeof(*settings->items)) {
		message("--set: too many of them");
		return -E2BIG;
	}
	settings->items[settings->n++] = text;
	return 0;
}

void settings_apply(const struct settings *settings, struct options *options)
{
	for (unsigned i = 0; i < settings->n; i++) {
		const char *equals = strchr(settings->items[i], '=');
		char error[512]; /* they have been checked */

		option_set(options, settings->items[i], (size_t)(equals - settings->items[i]), equals + 1, error,
			   sizeof(error));
	}
}

int settings_export(const struct settings *settings)
{
	for (unsigned i = 0; i < settings->n; i++) {
		const char *equals = strchr(settings->items[i], '=');
		char name[sizeof(PREFIX) + NAME_SIZE] = PREFIX;
		size_t length = (size_t)(equals - settings->items[i]);

		for (size_t k = 0; k < length && k < NAME_SIZE - 1; k++)
			name[sizeof(PREFIX) - 1 + k] = (char)toupper((unsigned char)settings->items[i][k]);
		if (setenv(name, equals + 1, 1) < 0)
			return -ENOMEM;
	}
	return 0;
}

static void warn(void *context, const char *line)
{
	(void)context;
	message("%s", line);
}

void environment_read(struct options *options)
{
	options_default(options);
	options_from_environment(options, environ, warn, NULL);
}
