/*
 * Overviews -- a process in one line.
 */
#include "analyzer/overview.h"
#include "analyzer/words.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT "%8s  %-9s %10s %10s  %-12s  %s"

const char overview_titles[] = "     PID  STATE            RSS       LIVE  VERDICT       COMMAND";

static const char *state_of(const struct process *process, char text[WORD_MAX])
{
	if (process->end.how == END_EXIT)
		snprintf(text, WORD_MAX, "exit %d", process->end.status);
	else if (process->end.how == END_SIGNAL)
		signal_name(process->end.signal, text);
	else
		snprintf(text, WORD_MAX, "%s", end_name(process->end.how));
	return text;
}

/* The command line, or the executable when there is none. */
static void describe(const struct process *process, char *text, size_t size)
{
	size_t used = 0;

	*text = '\0';
	for (unsigned i = 0; i < process->n_command && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, "%s%s", i ? " " : "", process->command[i]);
	if (!*text)
		snprintf(text, size, "%s", process->exe);
}

char *overview_line(const struct process *process, char line[OVERVIEW_SIZE])
{
	struct wire_counts totals = process_totals(process);
	uint64_t rss = process->n_samples ? process->samples[process->n_samples - 1].rss : 0;
	uint64_t live = totals.allocated_bytes - totals.freed_bytes;
	char pid[16], state[WORD_MAX], rss_text[WORD_MAX] = "-", live_text[WORD_MAX], command[256], *clean;

	snprintf(pid, sizeof(pid), "%d", process->wire.pid);
	describe(process, command, sizeof(command));
	clean = clean_text(command, true);
	if (rss)
		format_bytes((double)rss, rss_text);
	snprintf(line, OVERVIEW_SIZE, FORMAT, pid, state_of(process, state), rss_text,
		 format_bytes((double)live, live_text),
		 process->agent.dormant ? "dormant" : verdict_name(process->verdict.state), clean ? clean : "?");
	free(clean);
	return line;
}
