/*
 * Decoding of judgements. See decode_judgement.h. No number that is not finite gets past here.
 */
#include "analyzer/decode_judgement.h"
#include "protocol/frame.h"
#include <errno.h>
#include <math.h>
#include <string.h>

static double real_number(double value)
{
	return isfinite(value) ? value : 0;
}

int decode_verdict(struct process *process, const struct wire_record *record)
{
	const struct wire_verdict *wire = record_body(record, sizeof(*wire));
	struct wire_verdict *verdict = &process->verdict;

	if (!wire || wire->state >= N_VERDICTS || wire->severity >= N_SEVERITIES)
		return -EBADMSG;
	*verdict = *wire;
	verdict->score = real_number(wire->score);
	verdict->growth_bytes_per_hour = real_number(wire->growth_bytes_per_hour);
	verdict->r2 = real_number(wire->r2);
	verdict->live_score = real_number(wire->live_score);
	verdict->live_growth_bytes_per_hour = real_number(wire->live_growth_bytes_per_hour);
	verdict->live_r2 = real_number(wire->live_r2);
	verdict->time_to_limit_s = isfinite(wire->time_to_limit_s) ? wire->time_to_limit_s : -1;
	verdict->confidence = real_number(wire->confidence);
	for (double *number = &verdict->evident_bytes_per_hour; number <= &verdict->grown_shared; number++)
		*number = real_number(*number);
	for (unsigned i = 0; i < WIRE_REASONS; i++)
		for (unsigned k = 0; k < 3; k++)
			verdict->reasons[i].value[k] = real_number(wire->reasons[i].value[k]);
	return 0;
}

int decode_callsite_verdicts(struct process *process, const struct wire_record *record)
{
	const struct wire_callsite_verdict *verdicts = record_body(record, 0);
	size_t n = record_size(record) / sizeof(*verdicts);

	for (size_t i = 0; i < n; i++) {
		struct callsite *callsite = NULL;
		int r = verdicts[i].state < N_VERDICTS ? process_callsite(process, verdicts[i].callsite, &callsite)
						       : -EBADMSG;

		if (r < 0)
			return r;
		callsite->verdict = verdicts[i];
		callsite->verdict.score = real_number(verdicts[i].score);
		callsite->verdict.growth_bytes_per_hour = real_number(verdicts[i].growth_bytes_per_hour);
		callsite->verdict.r2 = real_number(verdicts[i].r2);
	}
	return 0;
}

int decode_evidence(struct process *process, const struct wire_record *record)
{
	const struct wire_evidence *evidence = record_body(record, 0);
	size_t n = record_size(record) / sizeof(*evidence);

	for (size_t i = 0; i < n; i++) {
		struct callsite *callsite = NULL;
		int r = evidence[i].state < N_VERDICTS ? process_callsite(process, evidence[i].callsite, &callsite)
						       : -EBADMSG;

		if (r < 0)
			return r;
		callsite->evidence = evidence[i];
		for (float *number = &callsite->evidence.z; number <= &callsite->evidence.age_s; number++)
			*number = (float)real_number(*number);
	}
	return 0;
}

int decode_detector(struct process *process, const struct wire_record *record)
{
	const struct wire_detector *wire = record_body(record, sizeof(*wire));

	if (!wire)
		return -EBADMSG;
	process->detector = *wire;
	return 0;
}

int decode_mappings(struct process *process, const struct wire_record *record)
{
	const struct wire_mapping *mappings = record_body(record, 0);
	size_t n = record_size(record) / sizeof(*mappings);

	memset(process->mappings, 0, sizeof(process->mappings));
	for (size_t i = 0; i < n && i < PROCESS_MAPPINGS; i++) {
		if (!memchr(mappings[i].name, '\0', sizeof(mappings[i].name)))
			return -EBADMSG;
		process->mappings[i] = mappings[i];
	}
	return 0;
}
