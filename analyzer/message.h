/*
 * Messages -- guardctl's own lines on stderr; each begins with "guardctl: ".
 */
#pragma once

/* One line, without its newline. Control characters in it are shown as '?'. Keeps errno. */
void message(const char *format, ...) __attribute__((format(printf, 1, 2)));
