/*
 * Decoding of judgements -- verdicts, what they are made from, and what the detector costs.
 *
 * Each takes one record into the process: 0, -EBADMSG when it makes no sense, or -ENOMEM.
 */
#pragma once
#include "analyzer/model.h"

int decode_verdict(struct process *process, const struct wire_record *record);
int decode_callsite_verdicts(struct process *process, const struct wire_record *record);
int decode_evidence(struct process *process, const struct wire_record *record);
int decode_mappings(struct process *process, const struct wire_record *record);
int decode_detector(struct process *process, const struct wire_record *record);
