/*
 * Reasons -- the words. Linked into guardctl alone: it uses stdio.
 */
#include "detector/reason.h"
#include <stdarg.h>
#include <stdio.h>

struct words {
	char s[24];
};

/* "42.0 MB"; MB is 2^20 bytes. */
static struct words size_words(double bytes)
{
	static const char *const units[] = {"B", "KB", "MB", "GB", "TB", "PB"};
	struct words w;
	unsigned i = 0;

	for (; (bytes >= 1024 || bytes <= -1024) && i + 1 < sizeof(units) / sizeof(units[0]); i++)
		bytes /= 1024;
	snprintf(w.s, sizeof(w.s), i ? "%.1f %s" : "%.0f %s", bytes, units[i]);
	return w;
}

/* "16 min"; two units at the most: "2 h 5 min". */
static struct words time_words(double seconds)
{
	struct words w;
	double minutes, hours, days;

	if (!(seconds > -1e15 && seconds < 1e15)) /* NaN as well: recordings may hold anything */
		seconds = 1e15;
	minutes = (double)(long long)(seconds / 60);
	hours = (double)(long long)(minutes / 60);
	days = (double)(long long)(hours / 24);
	if (minutes < 2)
		snprintf(w.s, sizeof(w.s), "%.0f s", seconds);
	else if (hours < 1)
		snprintf(w.s, sizeof(w.s), "%.0f min", minutes);
	else if (days < 2)
		snprintf(w.s, sizeof(w.s), "%.0f h %.0f min", hours, minutes - 60 * hours);
	else
		snprintf(w.s, sizeof(w.s), "%.0f days", days);
	return w;
}

__attribute__((format(printf, 3, 4))) static size_t say(char *text, size_t size, const char *format, ...)
{
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = vsnprintf(text, size, format, arguments);
	va_end(arguments);
	if (n < 0 || size == 0)
		return 0;
	return (size_t)n < size ? (size_t)n : size - 1;
}

/* "1 callsite", "12 callsites" */
static struct words callsite_words(double n)
{
	struct words w;

	snprintf(w.s, sizeof(w.s), "%.0f callsite%s", n, n > 0.5 && n < 1.5 ? "" : "s");
	return w;
}

static double percent(double part, double whole)
{
	return whole > 0 ? 100 * part / whole : 0;
}

/* What makes a callsite a leak or growth, or no more than a suspect. */
static size_t suspicion_text(const struct wire_reason *reason, char *text, size_t size)
{
	const double *v = reason->value;

	switch (reason->code) {
	case REASON_KEPT:
		return say(text, size,
			   "%.3g %% of the blocks allocated here are never freed: %.0f of %.0f that had the time",
			   percent(v[0], v[1]), v[0], v[1]);
	case REASON_OLD_LIVE:
		return say(text, size, "of the older blocks %.2g %% were freed in the last %s", 100 * v[0],
			   time_words(v[1]).s);
	case REASON_RISES:
		return say(text, size, "never fewer live blocks than before: +%.0f in %s, +%s/h", v[0],
			   time_words(v[2]).s, size_words(v[1]).s);
	case REASON_BYTES_RISE:
		return say(text, size, "%.0f live blocks that grow: +%s, +%s/h", v[2], size_words(v[0]).s,
			   size_words(v[1]).s);
	case REASON_MARKS:
		return say(text, size, "more at each of the last %.0f marks: +%.3g blocks, +%s a mark", v[0], v[1],
			   size_words(v[2]).s);
	case REASON_SUSPECTED:
		return say(text, size, "suspect: looks like a leak, but after %s nothing is said before %s",
			   time_words(v[1]).s, time_words(v[2]).s);
	case REASON_RUNNING_SMALL:
		return say(text, size, "suspect: %s survived, and less than %s is no verdict on a running process",
			   size_words(v[0]).s, size_words(v[1]).s);
	}
	return say(text, size, "reason %u", reason->code);
}

/* What makes a callsite innocent. */
static size_t innocence_text(const struct wire_reason *reason, char *text, size_t size)
{
	const double *v = reason->value;

	switch (reason->code) {
	case REASON_YOUNG:
		return say(text, size, "too young: %.0f of the %.0f epochs (spans of its run) that a verdict needs",
			   v[0], v[1]);
	case REASON_FLAT:
		return say(text, size, "live blocks do not rise after the first quarter (%+.0f, z %.1f)", v[0], v[1]);
	case REASON_MINOR:
		return say(text, size, "only %.0f blocks of %s survive", v[0], size_words(v[1]).s);
	case REASON_LOAD:
		return say(text, size, "live blocks follow the load (%+.0f): of %.0f older ones %.0f are alive", v[0],
			   v[2], v[1]);
	case REASON_TURNOVER:
		return say(text, size,
			   "blocks are freed late, so the rest may be too: %.2g %% of the older ones in the last %s",
			   100 * v[0], time_words(v[1]).s);
	case REASON_STEP:
		return say(text, size, "one single rise (%+.0f blocks)", v[0]);
	case REASON_DECELERATES:
		return say(text, size, "warm-up: the later half keeps %.2g of what the earlier half kept", v[0]);
	case REASON_PLATEAU:
		return say(text, size, "full: the last quarter rose by %.2g of what the one before promised", v[0]);
	}
	return suspicion_text(reason, text, size);
}

static size_t evidence_text(const struct wire_reason *reason, char *text, size_t size)
{
	const double *v = reason->value;

	switch (reason->code) {
	case REASON_CALLSITES_LEAK:
		return say(text, size, "%s never free%s a share of what %s allocate%s: +%s/h", callsite_words(v[0]).s,
			   v[0] < 1.5 ? "s" : "", v[0] < 1.5 ? "it" : "they", v[0] < 1.5 ? "s" : "",
			   size_words(v[1]).s);
	case REASON_CALLSITES_GROW:
		return say(text, size, "%s keep%s growing: +%s/h", callsite_words(v[0]).s, v[0] < 1.5 ? "s" : "",
			   size_words(v[1]).s);
	case REASON_CALLSITES_SUSPECT:
		return say(text, size, "suspect: %s, but after %s no verdict is given before %s",
			   callsite_words(v[0]).s, time_words(v[1]).s, time_words(v[2]).s);
	case REASON_CALLSITES_WARM_UP:
		return say(text, size, "%s grew and came to rest, with %s", callsite_words(v[0]).s, size_words(v[1]).s);
	case REASON_CALLSITES_STABLE:
		return say(text, size, "%s judged, none keeps growing", callsite_words(v[0]).s);
	case REASON_KEPT_IDLE:
		return say(text, size,
			   "%s are free blocks that the allocator keeps: RSS rose by %s, what is needed by %s",
			   size_words(v[0]).s, size_words(v[1]).s, size_words(v[2]).s);
	case REASON_ADVICE_TRIM:
		return say(text, size,
			   "malloc_trim(), a lower MALLOC_ARENA_MAX or another allocator would give it back");
	case REASON_CALLSITES_MARKED:
		return say(text, size, "%s grow%s from mark to mark: +%s each", callsite_words(v[0]).s,
			   v[0] < 1.5 ? "s" : "", size_words(v[1]).s);
	case REASON_GROWN_OUTSIDE:
		return say(text, size, "RSS grows outside malloc: %s anonymous, %s of files, %s shared",
			   size_words(v[0]).s, size_words(v[1]).s, size_words(v[2]).s);
	}
	return innocence_text(reason, text, size);
}

size_t reason_text(const struct wire_reason *reason, char *text, size_t size)
{
	const double *v = reason->value;

	switch (reason->code) {
	case REASON_TOO_FEW:
		return say(text, size, "only %.0f of the %.0f samples that a verdict needs", v[0], v[1]);
	case REASON_RSS_GROWS:
	case REASON_LIVE_GROWS:
		return say(text, size, "%s by %s/h (R2 %.2f, score %.2f)",
			   reason->code == REASON_RSS_GROWS ? "RSS grows" : "live bytes grow", size_words(v[0]).s, v[1],
			   v[2]);
	case REASON_SCORE_ABOVE:
		return say(text, size, "score %.2f has been above %.2f for %s", v[0], v[1], time_words(v[2]).s);
	case REASON_STEADY:
		return say(text, size, "RSS changes by %s/h: score %.2f is not above %.2f", size_words(v[0]).s, v[1],
			   v[2]);
	case REASON_SUSPECT:
		return say(text, size,
			   "suspect: score %.2f, but the process is %s old and no verdict is given before %s", v[2],
			   time_words(v[0]).s, time_words(v[1]).s);
	case REASON_OUTSIDE_HEAP:
		return say(text, size, "of %s/h growth only %s/h is in the C library's heap", size_words(v[0]).s,
			   size_words(v[1]).s);
	case REASON_FILE_OR_SHARED:
		return say(text, size, "of %s/h growth %s/h is in files and shared memory", size_words(v[0]).s,
			   size_words(v[1]).s);
	case REASON_RETAINED:
		return say(text, size,
			   "of %s/h growth only %s/h is in live blocks (%s are free in the C library's heap)",
			   size_words(v[0]).s, size_words(v[1]).s, size_words(v[2]).s);
	case REASON_LIMIT_REACHED:
		return say(text, size, "RSS %s has reached the %s %s", size_words(v[0]).s,
			   v[2] != 0 ? "cgroup's limit of" : "limit of", size_words(v[1]).s);
	case REASON_LIMIT_NEAR:
		return say(text, size, "the %s %s will be reached in %s", v[2] != 0 ? "cgroup's limit of" : "limit of",
			   size_words(v[1]).s, time_words(v[0]).s);
	case REASON_RATE:
		return say(text, size, "RSS has grown by %s/min over 10 minutes, more than %s/min",
			   size_words(v[0] / 60).s, size_words(v[1] / 60).s);
	case REASON_GROWTH_LIMIT:
		return say(text, size, "RSS is %s above its baseline of %s, more than the %s allowed",
			   size_words(v[0]).s, size_words(v[2]).s, size_words(v[1]).s);
	default:
		return evidence_text(reason, text, size);
	}
}
