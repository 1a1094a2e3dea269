/*
 * Settings -- the options as this process uses them: from the environment at the start, by SET later.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

/*
 * Reads the environment. A bad value, or one that this version cannot serve yet, is one line on standard
 * error; the host runs on with the default. Context: init.
 */
void settings_begin(char *const *environment);

/*
 * "name=value" from the analyzer, also noted in the region. False: refused, and why is in error. Some options are fixed
 * once the agent runs, since memory has been laid out by them. Context: sampler thread.
 */
bool settings_change(const char *text, char *error, size_t size);
