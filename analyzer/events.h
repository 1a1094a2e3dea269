/*
 * Events -- what agents say on their own, as lines for people.
 */
#pragma once
#include "analyzer/collector.h"

/* A collector's event callback: actions and warnings as messages on stderr, the same one not twice in a row. */
void event_print(struct collector *collector, const struct process *process, const struct wire_event *event,
		 const char *text);
