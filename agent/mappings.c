/*
 * Mappings. See mappings.h.
 */
#include "agent/mappings.h"
#include "agent/blockmap.h"
#include "agent/history.h"
#include "agent/memory.h"
#include "agent/proc.h"
#include "agent/store.h"
#include "agent/sys.h"
#include <string.h>

#define NAMES 256u /* further ones go under "others" */
#define COST_SHARE 100u
#define MOVED (UINT64_C(1) << 20) /* RSS has to move by this for another look */
#define GUARD_MOST (UINT64_C(1) << 20)
#define LEAST_GROWTH (UINT64_C(256) << 10)

static struct wire_mapping *table;
static uint32_t n_names;
static uint64_t next_ns, last_rss;

/* One mapping, as smaps tells of it. */
struct mapping {
	uint64_t start, end;
	bool readable;
	char path[256];
};

static uint64_t parse(const char **text, unsigned base)
{
	uint64_t n = 0;

	for (;; ++*text) {
		char c = **text;
		unsigned digit = c >= '0' && c <= '9'	? (unsigned)(c - '0')
				 : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
							: 16;

		if (digit >= base)
			return n;
		n = n * base + digit;
	}
}

/* "start-end perms offset device inode   path"; the lines between begin with a word and a colon. */
static bool parse_header(const char *line, struct mapping *m)
{
	const char *at = line;
	unsigned fields = 0;

	m->start = parse(&at, 16);
	if (at == line || *at != '-')
		return false;
	at++;
	m->end = parse(&at, 16);
	m->readable = at[0] == ' ' && at[1] == 'r';
	for (; *at && fields < 5; at++)
		fields += at[0] == ' ' && at[1] != ' ';
	while (*at == ' ')
		at++;
	memset(m->path, 0, sizeof(m->path));
	memcpy(m->path, at, strlen(at) < sizeof(m->path) ? strlen(at) : sizeof(m->path) - 1);
	return true;
}

/* Is the greater part of it where blocks were seen? */
static bool is_mallocs(const struct mapping *m)
{
	uint64_t known = 0, all = 0;

	for (uint64_t at = m->start; at < m->end; at = (at | (SPAN_SIZE - 1)) + 1, all++)
		known += span_find(at) != NULL;
	return 2 * known > all;
}

static const char *name_of(const struct mapping *m, const struct mapping *before)
{
	if (!strncmp(m->path, "/memfd:libguard", 15))
		return NULL;
	if (!strcmp(m->path, "[heap]") || (!m->path[0] && is_mallocs(m)))
		return "malloc";
	if (m->path[0])
		return m->path;
	if (before->end == m->start && !before->readable && !before->path[0] &&
	    before->end - before->start <= GUARD_MOST)
		return "thread stacks";
	return "anonymous";
}

static struct wire_mapping *entry_of(const char *name)
{
	size_t length = strlen(name), room = sizeof(table->name) - 1;
	const char *tail = length > room ? name + length - room : name;

	for (uint32_t i = 0; i < n_names; i++)
		if (!strncmp(table[i].name, tail, room))
			return &table[i];
	if (n_names == NAMES)
		return NULL;
	if (n_names == NAMES - 1)
		tail = "others";
	memcpy(table[n_names].name, tail, strlen(tail) < room ? strlen(tail) : room);
	return &table[n_names++];
}

static void take_line(const char *line, struct mapping *m, struct mapping *before)
{
	struct mapping next;
	struct wire_mapping *entry;
	const char *name;

	if (!strncmp(line, "Rss:", 4)) {
		for (line += 4; *line == ' ';)
			line++;
		name = name_of(m, before);
		entry = name ? entry_of(name) : NULL;
		if (entry)
			entry->now += parse(&line, 10) * 1024;
	} else if ((line[0] < 'A' || line[0] >= 'a') && parse_header(line, &next)) {
		*before = *m;
		*m = next;
	}
}

static bool read_smaps(void)
{
	long fd = sys3(SYS_openat, AT_FDCWD, "/proc/self/smaps", O_RDONLY | O_CLOEXEC), n;
	struct mapping mapping = {0}, before = {0};
	static char text[8192];
	char *line, *end;
	size_t have = 0;

	if (fd < 0)
		return false;
	while ((n = sys3(SYS_read, fd, text + have, sizeof(text) - 1 - have)) > 0) {
		have += (size_t)n;
		text[have] = '\0';
		for (line = text; (end = memchr(line, '\n', have - (size_t)(line - text))); line = end + 1) {
			*end = '\0';
			take_line(line, &mapping, &before);
		}
		have -= (size_t)(line - text);
		memmove(text, line, have);
		if (have == sizeof(text) - 1)
			have = 0; /* the middle of a long path says nothing */
	}
	sys3(SYS_close, fd, 0, 0);
	return true;
}

/* The agent's memory is anonymous too. */
static void take_off_own(uint64_t own)
{
	struct wire_mapping *entry = entry_of("anonymous");

	if (entry)
		entry->now -= own < entry->now ? own : entry->now;
}

static bool grew_more(const struct wire_mapping *a, const struct wire_mapping *b)
{
	return (int64_t)(a->now - a->before) > (int64_t)(b->now - b->before);
}

/* The ones that have grown most, the most first. */
static void publish(void)
{
	struct wire_mapping most[REGION_MAPPINGS] = {0};

	for (uint32_t i = 0; i < n_names; i++) {
		struct wire_mapping this = table[i];

		if ((int64_t)(this.now - this.before) < (int64_t)LEAST_GROWTH)
			continue;
		for (unsigned k = 0; k < REGION_MAPPINGS; k++)
			if (!most[k].name[0] || grew_more(&this, &most[k])) {
				struct wire_mapping less = most[k];

				most[k] = this;
				this = less;
				if (!this.name[0])
					break;
			}
	}
	history_set_mappings(most);
}

void mappings_look(const struct wire_sample *sample)
{
	uint64_t begun = proc_thread_cpu();
	bool first = !next_ns;

	if (sample->time_ns < next_ns || (sample->rss < last_rss + MOVED && sample->rss + MOVED > last_rss))
		return;
	if (!table && !(table = memory_take(NAMES * sizeof(*table))))
		return;
	for (uint32_t i = 0; i < n_names; i++)
		table[i].now = 0;
	if (!read_smaps())
		return;
	take_off_own(sample->agent_bytes);
	for (uint32_t i = 0; first && i < n_names; i++)
		table[i].before = table[i].now;
	publish();
	last_rss = sample->rss;
	next_ns = sample->time_ns + (proc_thread_cpu() - begun) * COST_SHARE;
}

void mappings_postfork_child(void)
{
	next_ns = last_rss = 0;
	if (table)
		memset(table, 0, NAMES * sizeof(*table));
	n_names = 0;
}
