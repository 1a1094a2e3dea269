/*
 * Retelling -- a process as frames again, from what the model knows: for a guardctl that asks, where there is no region
 * to read: the analyzer came late and is not root, or the process is gone for long.
 */
#pragma once
#include "analyzer/model.h"
#include "protocol/frame.h"

/*
 * HELLO and a full snapshot, marked FRAME_POST_MORTEM; frames that are missing are missing again. 0, -ENOMEM, or -EIO
 * when the sink refused one.
 */
int retell_process(const struct process *process, frame_sink sink, void *context);
