/*
 * Event logs. See eventlog.h.
 */
#include "analyzer/eventlog.h"
#include "analyzer/fnv.h"
#include <string.h>

#define NS_PER_S UINT64_C(1000000000)
#define LONGEST_S (UINT64_MAX / NS_PER_S / 4)
#define WORD_ID (UINT64_C(1) << 63) /* ids that are no numbers are their hash, with this bit */
#define BYTES_MOST (UINT64_C(1) << 48)

struct field {
	const char *at;
	size_t length;
};

void eventlog_init(struct eventlog *log, const char *text, size_t length)
{
	*log = (struct eventlog){.at = text, .end = text + length};
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static struct field next_field(const char **at, const char *end)
{
	struct field field;

	while (*at < end && is_blank(**at))
		(*at)++;
	field.at = *at;
	while (*at < end && !is_blank(**at))
		(*at)++;
	field.length = (size_t)(*at - field.at);
	return field;
}

/* A whole number at most `most`. */
static bool read_number(struct field field, uint64_t most, uint64_t *value)
{
	*value = 0;
	for (size_t i = 0; i < field.length; i++) {
		unsigned digit = (unsigned)(field.at[i] - '0');

		if (digit > 9 || *value > (most - digit) / 10)
			return false;
		*value = *value * 10 + digit;
	}
	return field.length > 0;
}

static bool read_time(struct field field, uint64_t *ns)
{
	const char *point = field.length ? memchr(field.at, '.', field.length) : NULL;
	struct field whole = {field.at, point ? (size_t)(point - field.at) : field.length};
	uint64_t unit = NS_PER_S;

	if (!read_number(whole, LONGEST_S, ns))
		return false;
	*ns *= NS_PER_S;
	if (!point)
		return true;
	for (const char *p = point + 1; p < field.at + field.length; p++) {
		if (*p < '0' || *p > '9')
			return false;
		unit /= 10;
		*ns += unit * (uint64_t)(*p - '0');
	}
	return field.at + field.length > point + 1;
}

static bool read_id(struct field field, uint64_t *id)
{
	if (!read_number(field, WORD_ID - 1, id))
		*id = fnv_bytes(FNV_START, field.at, field.length) | WORD_ID;
	return field.length > 0;
}

static const char *read_fields(struct event *event, const char **at, const char *end)
{
	struct field site;
	char kind = event->kind;

	if (kind == 'a' || kind == 'f' || kind == 'r') {
		if (!read_id(next_field(at, end), &event->id))
			return "the ID is missing";
		if (kind == 'r' && !read_id(next_field(at, end), &event->new_id))
			return "the new ID is missing";
	}
	if (kind == 'a' || kind == 'r' || kind == 'm') {
		if (!read_number(next_field(at, end), BYTES_MOST, &event->bytes))
			return "BYTES is no whole number below 2^48";
	}
	if (kind == 'a' || kind == 'r') {
		site = next_field(at, end);
		if (!site.length)
			return "the SITE is missing";
		event->site = site.at;
		event->site_length = site.length;
	}
	return next_field(at, end).length ? "there is more on the line than belongs there" : NULL;
}

static const char *read_line(struct eventlog *log, struct event *event, const char *at, const char *end)
{
	struct field kind = next_field(&at, end);
	uint64_t time;

	if (log->ended)
		return "there is something behind the end";
	if (kind.length != 1 || !strchr("afrmke", kind.at[0]))
		return "an event is one of a, f, r, m, k, e";
	event->kind = kind.at[0];
	if (!read_time(next_field(&at, end), &time))
		return "T is no time in seconds";
	if (time < log->time_ns)
		return "T is before that of the line before";
	event->time_ns = log->time_ns = time;
	log->ended = event->kind == 'e';
	return read_fields(event, &at, end);
}

bool eventlog_next(struct eventlog *log, struct event *event)
{
	while (log->at < log->end && !log->error) {
		const char *at = log->at, *end = memchr(at, '\n', (size_t)(log->end - at));

		if (!end)
			end = log->end;
		log->at = end < log->end ? end + 1 : end;
		log->line++;
		while (at < end && is_blank(*at))
			at++;
		if (at == end || *at == '#')
			continue;
		log->error = read_line(log, event, at, end);
		return !log->error;
	}
	return false;
}

bool eventlog_has_samples(const char *text, size_t length)
{
	const char *end = text + length;

	for (const char *at = text; at && at < end; at = memchr(at, '\n', (size_t)(end - at))) {
		while (at < end && (is_blank(*at) || *at == '\n'))
			at++;
		if (at < end && *at == 'm')
			return true;
	}
	return false;
}
