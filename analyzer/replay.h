/*
 * Replays -- an event log judged in virtual time by the detector that runs in the agent.
 *
 * Readings, walks and samples happen at the moments at which the agent's sampler thread would have made them, to the
 * nanosecond; what the log says of the same moment comes after. Where the log has memory samples, they are the
 * samples, else there is one every `interval`, of live bytes alone. The result is a model with one process, as if
 * an agent had told it: all reports take it.
 *
 * Memory: 24 bytes a live block or more, 3 KB a site and 2 KB a candidate. Cost: some 100 ns an event.
 */
#pragma once
#include "analyzer/model.h"
#include "protocol/options.h"

/*
 * Replays the log into the model. 0; -EBADMSG: a line makes no sense, *line is its number and *error says why;
 * -ENOMEM.
 */
int replay_log(struct model *model, const struct options *options, const char *name, const char *text, size_t length,
	       uint64_t *line, const char **error);
