/*
 * Events -- what agents say on their own.
 */
#include "analyzer/events.h"
#include "analyzer/message.h"
#include <string.h>

void event_print(struct collector *collector, const struct process *process, const struct wire_event *event,
		 const char *text)
{
	static char last[256];

	(void)collector;
	if (!*text || strncmp(last, text, sizeof(last) - 1) == 0)
		return;
	strncpy(last, text, sizeof(last) - 1);
	message("%s of %d: %s", event->kind == EVENT_WARNING ? "agent" : "guard", process->wire.pid, text);
}
