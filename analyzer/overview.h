/*
 * Overviews -- a process in one line, as `ps`, `check` and `serve` print it.
 */
#pragma once
#include "analyzer/model.h"

#define OVERVIEW_SIZE 1024
/* The titles of the columns. */
extern const char overview_titles[];
/* pid, state, RSS, live bytes, verdict, command; control characters replaced. Returns line. */
char *overview_line(const struct process *process, char line[OVERVIEW_SIZE]);
