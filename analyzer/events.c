/*
 * Events -- what agents say on their own.
 */
#include "analyzer/events.h"
#include "analyzer/message.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *program_of(const struct process *process)
{
	const char *slash = strrchr(process->exe, '/');

	return slash ? slash + 1 : process->exe;
}

void event_print(struct collector *collector, const struct process *process, const struct wire_event *event,
		 const char *text)
{
	static const char *const kinds[] = {
		[EVENT_VERDICT] = "verdict", [EVENT_ACTION] = "action", [EVENT_WARNING] = "warning"};
	static char last[512];
	char line[sizeof(last)];

	(void)collector;
	if (!*text || event->kind >= sizeof(kinds) / sizeof(*kinds) || !kinds[event->kind])
		return;
	snprintf(line, sizeof(line), "%d (%.60s): %s: %s", process->wire.pid, program_of(process), kinds[event->kind],
		 text);
	if (strcmp(line, last) == 0)
		return;
	memcpy(last, line, sizeof(last));
	message("%s", line);
}

void losses_print(const struct collector *collector)
{
	if (collector->n_refused)
		message("%" PRIu64 " connections were refused: of other users, or not an agent's",
			collector->n_refused);
	if (collector->n_turned_away)
		message("%" PRIu64 " connections were turned away: no file descriptor left; raise `ulimit -Hn`",
			collector->n_turned_away);
	if (collector->n_silent)
		message("%" PRIu64 " connections were closed: they did not say what they are", collector->n_silent);
	if (collector->n_forgotten)
		message("%" PRIu64 " processes that ended long ago are not in the reports: the last %u are kept",
			collector->n_forgotten, collector->keep_ended);
}
