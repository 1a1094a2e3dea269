/*
 * Words -- how reports name and print things: states, signals, sizes, times; one place for all formats.
 *
 * Numbers that come from frames may be anything: names of unknown values are "unknown", sizes saturate.
 */
#pragma once
#include "protocol/wire.h"
#include <stdbool.h>
#include <stddef.h>

const char *verdict_name(unsigned state);     /* enum verdict_state: "leak" */
const char *finding_name(unsigned finding);   /* enum finding_kind: "turnover" */
const char *severity_name(unsigned severity); /* enum verdict_severity: "critical" */
const char *mode_name(unsigned mode);	      /* enum agent_mode: "exact" */
const char *unwinder_name(unsigned unwinder); /* enum agent_unwinder: "libunwind" */
const char *end_name(unsigned how);	      /* enum end_how: "exit" */
const char *final_state_name(unsigned state); /* enum final_state: "post-mortem" */

#define WORD_MAX 48
/* These write into text and return it. */
const char *signal_name(int signal, char text[WORD_MAX]);	    /* "SIGKILL", "SIGRTMIN+3", "signal 99" */
const char *format_bytes(double bytes, char text[WORD_MAX]);	    /* "1.5 MB", binary units, three digits */
const char *format_count(uint64_t n, char text[WORD_MAX]);	    /* "1,234,567" */
const char *format_duration(double seconds, char text[WORD_MAX]);   /* "12.5 s", "3 h 20 min" */
const char *format_time(uint64_t realtime_ns, char text[WORD_MAX]); /* RFC 3339, UTC, milliseconds */

/* Text that any terminal and any JSON reader takes: valid UTF-8, its bad bytes replaced; to be freed. NULL when out of
 * memory. With `printable`, control characters become '?'. */
char *clean_text(const char *text, bool printable);
