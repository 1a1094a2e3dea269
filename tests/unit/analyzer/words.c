/*
 * Tests of analyzer/words: units, counts, times and signals as people read them; text made safe.
 */
#include "analyzer/words.h"
#include "analyzer/model.h"
#include "tests/unit/check.h"
#include <math.h>
#include <signal.h>
#include <stdlib.h>

static char text[WORD_MAX];

static void test_names(void)
{
	CHECK_TEXT(verdict_name(VERDICT_LEAK), "leak");
	CHECK_TEXT(verdict_name(VERDICT_WARM_UP), "warm_up");
	CHECK_TEXT(verdict_name(N_VERDICTS), "unknown");
	CHECK_TEXT(severity_name(SEVERITY_CRITICAL), "critical");
	CHECK_TEXT(mode_name(MODE_COUNTS), "counts");
	CHECK_TEXT(unwinder_name(UNWINDER_LIBUNWIND), "libunwind");
	CHECK_TEXT(end_name(END_SIGNAL), "signal");
	CHECK_TEXT(end_name(0xffffffff), "unknown");
	CHECK_TEXT(final_state_name(FINAL_POST_MORTEM), "post-mortem");
	CHECK_TEXT(signal_name(SIGKILL, text), "SIGKILL");
	CHECK_TEXT(signal_name(SIGABRT, text), "SIGABRT");
	CHECK_TEXT(signal_name(SIGRTMIN + 3, text), "SIGRTMIN+3");
	CHECK_TEXT(signal_name(-5, text), "signal -5");
}

static void test_bytes(void)
{
	static const struct {
		double bytes;
		const char *text;
	} cases[] = {
		{0, "0 B"},
		{1023, "1023 B"},
		{1024, "1.0 KB"},
		{1536, "1.5 KB"},
		{102400, "100 KB"},
		{1048575, "1.0 MB"},
		{1048576, "1.0 MB"},
		{-1572864, "-1.5 MB"},
		{1.5e9, "1.4 GB"},
		{1.8446744e19, "16.0 EB"},
		{NAN, "0 B"},
		{INFINITY, "0 B"},
		{1e30, "867361737988 EB"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		CHECK_TEXT(format_bytes(cases[i].bytes, text), cases[i].text);
	CHECK(strlen(format_bytes(1e308, text)) < WORD_MAX);
}

static void test_counts_and_times(void)
{
	CHECK_TEXT(format_count(0, text), "0");
	CHECK_TEXT(format_count(999, text), "999");
	CHECK_TEXT(format_count(1000, text), "1,000");
	CHECK_TEXT(format_count(UINT64_MAX, text), "18,446,744,073,709,551,615");
	CHECK_TEXT(format_duration(0.0124, text), "12 ms");
	CHECK_TEXT(format_duration(1.5, text), "1.50 s");
	CHECK_TEXT(format_duration(61, text), "61.0 s");
	CHECK_TEXT(format_duration(150, text), "2 min 30 s");
	CHECK_TEXT(format_duration(3 * 3600 + 1200, text), "3 h 20 min");
	CHECK_TEXT(format_duration(86400 * 12.5, text), "12 d 12 h");
	CHECK_TEXT(format_duration(NAN, text), "0 ms");
	CHECK(strlen(format_duration(1e308, text)) < WORD_MAX);
	CHECK_TEXT(format_time(0, text), "1970-01-01T00:00:00.000Z");
	CHECK_TEXT(format_time(UINT64_C(1709251199999999999), text), "2024-02-29T23:59:59.999Z");
	CHECK(strlen(format_time(UINT64_MAX, text)) < WORD_MAX);
}

static void check_clean(const char *dirty, bool printable, const char *should_be)
{
	char *clean = clean_text(dirty, printable);

	CHECK_TEXT(clean, should_be);
	free(clean);
}

static void test_clean(void)
{
	check_clean("plain", true, "plain");
	check_clean("\xc3\xa9t\xc3\xa9 \xf0\x9f\x8e\x89", true, "\xc3\xa9t\xc3\xa9 \xf0\x9f\x8e\x89");
	check_clean("a\033[31m\n\x7f", true, "a?[31m??");
	check_clean("a\n", false, "a\n");
	check_clean("\xc2\x9b", true, "?"); /* a control sequence in 8 bits */
	check_clean("\xff x", false, "\xef\xbf\xbd x");
	check_clean("\xff x", true, "? x");
	check_clean("\xc0\xaf", true, "??");	       /* overlong */
	check_clean("\xed\xa0\x80", true, "???");      /* a surrogate */
	check_clean("\xf4\x90\x80\x80", true, "????"); /* beyond Unicode */
	check_clean("\xe2\x82", true, "??");	       /* cut short */
	check_clean("", true, "");
}

int main(void)
{
	test_names();
	test_bytes();
	test_counts_and_times();
	test_clean();
	return check_result();
}
