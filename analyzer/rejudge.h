/*
 * Rejudging -- the verdict on a process that ended before its agent could give the last one.
 *
 * An agent waives option hold when its process ends. One that was killed, replaced by exec or kept from
 * speaking has not: its last verdict may still be "inconclusive, suspect". So the samples are judged
 * once more by the same detector, as of a process at its end.
 */
#pragma once
#include "analyzer/model.h"

/*
 * Judges if the process has ended and its agent's FINAL did not come; else changes nothing. So it may be called
 * again. The agent's options count as they were at its start. Cost: some 100 ns a sample.
 */
void rejudge_process(struct process *process);
void rejudge_all(struct model *model);
