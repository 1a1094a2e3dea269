/*
 * The environment -- GUARD_* variables and --set, checked before anything runs.
 */
#pragma once
#include "protocol/options.h"

struct settings {
	const char *items[64]; /* NAME=VALUE */
	unsigned n;
};

/* Checks NAME=VALUE and keeps it. 0, or a negative errno after a message. */
int settings_add(struct settings *settings, const char *text);
/* Sets them in options. */
void settings_apply(const struct settings *settings, struct options *options);
/* Puts them into the environment of this process. 0 or -ENOMEM. */
int settings_export(const struct settings *settings);
/* Reads GUARD_* into options; warns about bad values, and about names that look like an option misspelt. */
void environment_read(struct options *options);
/* Is NAME=VALUE a good setting? If not, a message. */
int setting_check(const char *text);
