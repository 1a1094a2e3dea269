/*
 * Event logs -- allocations as text, one event a line, for `guardctl replay`.
 *
 *   a T ID BYTES SITE        an allocation          m T RSS_BYTES   a memory sample
 *   f T ID                   a free                 k T             a mark
 *   r T ID NEWID BYTES SITE  a realloc              e T             the end
 *
 * T is in seconds since the program began, a decimal number, never decreasing; ID and SITE are any words. Fields are
 * separated by blanks or tabs. An empty line and one that begins with # say nothing.
 *
 * Cost: some 50 ns a line.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event {
	char kind; /* 'a', 'f', 'r', 'm', 'k', 'e' */
	uint64_t time_ns;
	uint64_t id, new_id;
	uint64_t bytes;
	const char *site; /* in the log's text, not terminated */
	size_t site_length;
};

struct eventlog {
	const char *at, *end; /* the caller's text */
	uint64_t line;	      /* number of the last line read */
	uint64_t time_ns;
	bool ended;	   /* an `e` was read */
	const char *error; /* what is wrong with that line */
};

void eventlog_init(struct eventlog *log, const char *text, size_t length);
/* The next event. False at the end of the text, or at a line that makes no sense: log->error says why. */
bool eventlog_next(struct eventlog *log, struct event *event);
/* Is there any memory sample in the text? */
bool eventlog_has_samples(const char *text, size_t length);
