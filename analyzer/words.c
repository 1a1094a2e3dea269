/*
 * Words -- see words.h.
 */
#include "analyzer/words.h"
#include "analyzer/model.h"
#include "detector/finding.h"
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NAME(names, value) ((value) < sizeof(names) / sizeof((names)[0]) ? (names)[value] : "unknown")

const char *verdict_name(unsigned state)
{
	static const char *const names[N_VERDICTS] = {
		[VERDICT_INCONCLUSIVE] = "inconclusive",
		[VERDICT_STABLE] = "stable",
		[VERDICT_LEAK] = "leak",
		[VERDICT_GROWTH] = "growth",
		[VERDICT_WARM_UP] = "warm_up",
		[VERDICT_RETENTION] = "retention",
		[VERDICT_EXTERNAL] = "external",
	};

	return NAME(names, state);
}

const char *finding_name(unsigned finding)
{
	static const char *const names[N_FINDINGS] = {
		[FINDING_YOUNG] = "young",
		[FINDING_FLAT] = "flat",
		[FINDING_MINOR] = "minor",
		[FINDING_LOAD] = "load",
		[FINDING_TURNOVER] = "turnover",
		[FINDING_STEP] = "step",
		[FINDING_DECELERATING] = "decelerating",
		[FINDING_PLATEAU] = "plateau",
		[FINDING_LEAK] = "leak",
		[FINDING_GROWTH] = "growth",
		[FINDING_BYTES] = "bytes",
	};

	return NAME(names, finding);
}

const char *severity_name(unsigned severity)
{
	static const char *const names[N_SEVERITIES] = {"normal", "warning", "critical"};

	return NAME(names, severity);
}

const char *mode_name(unsigned mode)
{
	static const char *const names[N_MODES] = {"exact", "sampled", "counts", "off"};

	return NAME(names, mode);
}

const char *unwinder_name(unsigned unwinder)
{
	static const char *const names[N_UNWINDERS] = {"none", "libunwind"};

	return NAME(names, unwinder);
}

const char *end_name(unsigned how)
{
	static const char *const names[N_ENDS] = {"running", "exit", "signal", "exec", "lost"};

	return NAME(names, how);
}

const char *final_state_name(unsigned state)
{
	static const char *const names[] = {
		[FINAL_NONE] = "none", [FINAL_AGENT] = "agent", [FINAL_POST_MORTEM] = "post-mortem"};

	return NAME(names, state);
}

const char *signal_name(int signal, char text[WORD_MAX])
{
	const char *name = sigabbrev_np(signal);

	if (name)
		snprintf(text, WORD_MAX, "SIG%s", name);
	else if (signal == SIGRTMIN)
		snprintf(text, WORD_MAX, "SIGRTMIN");
	else if (signal > SIGRTMIN && signal <= SIGRTMAX)
		snprintf(text, WORD_MAX, "SIGRTMIN+%d", signal - SIGRTMIN);
	else
		snprintf(text, WORD_MAX, "signal %d", signal);
	return text;
}

const char *format_bytes(double bytes, char text[WORD_MAX])
{
	static const char *const units[] = {"B", "KB", "MB", "GB", "TB", "PB", "EB"};
	unsigned unit = 0;

	if (!isfinite(bytes))
		bytes = 0;
	while (fabs(bytes) >= 1023.95 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		bytes /= 1024;
		unit++;
	}
	snprintf(text, WORD_MAX, unit && fabs(bytes) < 99.95 ? "%.1f %s" : "%.0f %s", bytes, units[unit]);
	return text;
}

const char *format_count(uint64_t n, char text[WORD_MAX])
{
	char digits[24];
	int length = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)n);
	char *end = text;

	for (int i = 0; i < length; i++) {
		if (i && (length - i) % 3 == 0)
			*end++ = ',';
		*end++ = digits[i];
	}
	*end = '\0';
	return text;
}

const char *format_duration(double seconds, char text[WORD_MAX])
{
	if (!isfinite(seconds) || seconds < 0)
		seconds = 0;
	if (seconds < 0.0995)
		snprintf(text, WORD_MAX, "%.0f ms", seconds * 1000);
	else if (seconds < 119.95)
		snprintf(text, WORD_MAX, seconds < 9.995 ? "%.2f s" : "%.1f s", seconds);
	else if (seconds < 7200)
		snprintf(text, WORD_MAX, "%.0f min %.0f s", floor(seconds / 60), floor(fmod(seconds, 60)));
	else if (seconds < 48 * 3600.0)
		snprintf(text, WORD_MAX, "%.0f h %.0f min", floor(seconds / 3600), floor(fmod(seconds, 3600) / 60));
	else
		snprintf(text, WORD_MAX, "%.0f d %.0f h", floor(seconds / 86400), floor(fmod(seconds, 86400) / 3600));
	return text;
}

const char *format_time(uint64_t realtime_ns, char text[WORD_MAX])
{
	time_t seconds = realtime_ns / 1000000000;
	struct tm tm;
	char date[32] = "1970-01-01T00:00:00";

	if (gmtime_r(&seconds, &tm))
		strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text, WORD_MAX, "%s.%03uZ", date, (unsigned)(realtime_ns / 1000000 % 1000));
	return text;
}

/* The length of the UTF-8 sequence here (NUL-terminated), 0 when it is none: overlong, surrogate, out of range. */
static size_t utf8_length(const unsigned char *s)
{
	size_t length = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;

	for (size_t i = 1; i < length; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] >= 0xa0) || (s[0] == 0xf0 && s[1] < 0x90) ||
	    (s[0] == 0xf4 && s[1] >= 0x90))
		return 0;
	return length;
}

static bool is_control(const unsigned char *s)
{
	return s[0] < 0x20 || s[0] == 0x7f || (s[0] == 0xc2 && s[1] < 0xa0);
}

char *clean_text(const char *text, bool printable)
{
	const unsigned char *from = (const unsigned char *)text;
	char *clean = malloc(3 * strlen(text) + 1), *end = clean;

	if (!clean)
		return NULL;
	while (*from) {
		size_t length = utf8_length(from);

		if (printable && (length == 0 || is_control(from)))
			*end++ = '?';
		else if (length)
			end = mempcpy(end, from, length);
		else
			end = mempcpy(end, "\xef\xbf\xbd", 3);
		from += length ? length : 1;
	}
	*end = '\0';
	return clean;
}
