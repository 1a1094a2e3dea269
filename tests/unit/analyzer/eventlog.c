/*
 * Tests of analyzer/eventlog: every field of every event, and what is no event. (tests/e2e/replay.py has the bad
 * lines.)
 */
#include "analyzer/eventlog.h"
#include "tests/unit/check.h"

static struct event read_one(const char *text)
{
	struct eventlog log;
	struct event event = {0};

	eventlog_init(&log, text, strlen(text));
	CHECK(eventlog_next(&log, &event));
	return event;
}

static void fields(void)
{
	struct event e = read_one("a 1.5 17 100 main");

	CHECK(e.kind == 'a' && e.time_ns == 1500000000 && e.id == 17 && e.bytes == 100);
	CHECK(e.site_length == 4 && memcmp(e.site, "main", 4) == 0);
	e = read_one("r\t0.000000001 0x10 b 0 operator-new\r\n");
	CHECK(e.kind == 'r' && e.time_ns == 1 && e.bytes == 0 && e.site_length == 12);
	CHECK(e.id >> 63 && e.new_id >> 63 && e.id != e.new_id);
	CHECK(e.id == read_one("f 1 0x10").id);
	CHECK(read_one("f 1 007").id == 7);
	e = read_one("m 3600 281474976710656");
	CHECK_EQ(e.kind, 'm');
	CHECK_EQ(read_one("k 1.123456789123").time_ns, 1123456789);
	CHECK_EQ(read_one("  # no\n\n e 4000000000 ").time_ns, UINT64_C(4000000000) * 1000000000);
}

static const char *wrong(const char *text, uint64_t line)
{
	struct eventlog log;
	struct event event;

	eventlog_init(&log, text, strlen(text));
	while (eventlog_next(&log, &event))
		;
	CHECK_EQ(log.line, line);
	CHECK(!eventlog_next(&log, &event));
	return log.error ? log.error : "nothing";
}

static void errors(void)
{
	CHECK_TEXT(wrong("a 1 1 10 x\n", 1), "nothing");
	CHECK_TEXT(wrong("", 0), "nothing");
	CHECK_TEXT(wrong("k 1\nk 0.9\n", 2), "T is before that of the line before");
	CHECK_TEXT(wrong("k 5000000000\n", 1), "T is no time in seconds");
	CHECK_TEXT(wrong("k 1 2\n", 1), "there is more on the line than belongs there");
	CHECK_TEXT(wrong("e 1\nk 2\n", 2), "there is something behind the end");
	CHECK_TEXT(wrong("m 1 1.5\n", 1), "BYTES is no whole number below 2^48");
}

static void samples(void)
{
	const char *without = "a 1 m 10 m\n# m\nk 2", *with = "a 1 1 10 x\n m 2 5";

	CHECK(!eventlog_has_samples(without, strlen(without)));
	CHECK(eventlog_has_samples(with, strlen(with)));
	CHECK(eventlog_has_samples("m 1 2", 5));
	CHECK(!eventlog_has_samples("", 0));
}

int main(void)
{
	fields();
	errors();
	samples();
	return check_result();
}
