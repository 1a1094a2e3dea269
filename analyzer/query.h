/*
 * Queries -- what another guardctl asks a collector: one question a connection, answered with frames.
 *
 *   LIST          REPLY frames of WIRE_TEXT, one line a process; the last frame has FRAME_LAST
 *   STREAM        HELLO and a full snapshot of one process, then an empty REPLY with FRAME_LAST
 *   CHECK, SET    a REPLY with WIRE_TEXT and, when the process is known, its WIRE_VERDICT
 *
 * A question that cannot be answered gets a REPLY with WIRE_EVENT (EVENT_WARNING) and a sentence.
 */
#pragma once
#include "analyzer/collector.h"

/* A client's first frame; takes the descriptor. */
void query_begin(struct collector *collector, const struct wire_header *frame, int fd);
/* Goes on with questions that wait. Returns when to call next (ms), 0: no need. */
uint64_t queries_tick(struct collector *collector, uint64_t now);
void queries_free(struct collector *collector);
