/*
 * Events -- what agents say on their own, as lines for people.
 */
#pragma once
#include "analyzer/collector.h"

/* A collector's event callback: each as a message on stderr, the same one not twice in a row. */
void event_print(struct collector *collector, const struct process *process, const struct wire_event *event,
		 const char *text);
/* What the collector could not take in, as messages. */
void losses_print(const struct collector *collector);
