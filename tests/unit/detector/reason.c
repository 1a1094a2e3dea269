/*
 * Tests of detector/reason: every code has words, with its numbers in them.
 */
#include "detector/reason.h"
#include "tests/unit/check.h"

#define MB 1048576.0

static const struct {
	enum reason_code code;
	double value[3];
	const char *words;
} cases[] = {
	{REASON_TOO_FEW, {4, 10}, "only 4 of the 10 samples that a verdict needs"},
	{REASON_RSS_GROWS, {42 * MB, 0.97, 0.83}, "RSS grows by 42.0 MB/h (R2 0.97, score 0.83)"},
	{REASON_LIVE_GROWS, {5.5 * 1024, 1, 0.1}, "live bytes grow by 5.5 KB/h (R2 1.00, score 0.10)"},
	{REASON_SCORE_ABOVE, {0.83, 0.8, 960}, "score 0.83 has been above 0.80 for 16 min"},
	{REASON_STEADY, {-3 * MB, 0, 0.8}, "RSS changes by -3.0 MB/h: score 0.00 is not above 0.80"},
	{REASON_SUSPECT,
	 {90, 3600, 0.9},
	 "suspect: score 0.90, but the process is 90 s old and no verdict is given before 1 h 0 min"},
	{REASON_OUTSIDE_HEAP, {60 * MB, 100}, "of 60.0 MB/h growth only 100 B/h is in the C library's heap"},
	{REASON_FILE_OR_SHARED, {60 * MB, 55 * MB}, "of 60.0 MB/h growth 55.0 MB/h is in files and shared memory"},
	{REASON_RETAINED,
	 {60 * MB, 2 * MB, 3 * 1024 * MB},
	 "of 60.0 MB/h growth only 2.0 MB/h is in live blocks (3.0 GB are free in the C library's heap)"},
	{REASON_LIMIT_REACHED, {701 * MB, 700 * MB, 0}, "RSS 701.0 MB has reached the limit of 700.0 MB"},
	{REASON_LIMIT_REACHED, {701 * MB, 700 * MB, 1}, "RSS 701.0 MB has reached the cgroup's limit of 700.0 MB"},
	{REASON_LIMIT_NEAR, {260, 700 * MB, 0}, "the limit of 700.0 MB will be reached in 4 min"},
	{REASON_LIMIT_NEAR, {400000, 700 * MB, 1}, "the cgroup's limit of 700.0 MB will be reached in 4 days"},
	{REASON_RATE, {360 * MB, 300 * MB}, "RSS has grown by 6.0 MB/min over 10 minutes, more than 5.0 MB/min"},
	{REASON_GROWTH_LIMIT,
	 {51 * MB, 50 * MB, 300 * MB},
	 "RSS is 51.0 MB above its baseline of 300.0 MB, more than the 50.0 MB allowed"},
	{REASON_YOUNG, {4, 12}, "too young: 4 of the 12 epochs (spans of its run) that a verdict needs"},
	{REASON_KEPT, {380, 1000}, "38 % of the blocks allocated here are never freed: 380 of 1000 that had the time"},
	{REASON_OLD_LIVE, {0.004, 720}, "of the older blocks 0.4 % were freed in the last 12 min"},
	{REASON_RISES, {412, 4.1 * MB, 5400}, "never fewer live blocks than before: +412 in 1 h 30 min, +4.1 MB/h"},
	{REASON_BYTES_RISE, {MB, 2 * MB, 3}, "3 live blocks that grow: +1.0 MB, +2.0 MB/h"},
	{REASON_FLAT, {-3, 0.5}, "live blocks do not rise after the first quarter (-3, z 0.5)"},
	{REASON_MINOR, {5, 100}, "only 5 blocks of 100 B survive"},
	{REASON_LOAD, {500, 0, 9000}, "live blocks follow the load (+500): of 9000 older ones 0 are alive"},
	{REASON_TURNOVER,
	 {0.5, 60},
	 "blocks are freed late, so the rest may be too: 50 % of the older ones in the last 60 s"},
	{REASON_STEP, {100}, "one single rise (+100 blocks)"},
	{REASON_DECELERATES, {0.4}, "warm-up: the later half keeps 0.4 of what the earlier half kept"},
	{REASON_PLATEAU, {0.01}, "full: the last quarter rose by 0.01 of what the one before promised"},
	{REASON_MARKS, {5, 1, 24}, "more at each of the last 5 marks: +1 blocks, +24 B a mark"},
	{REASON_SUSPECTED,
	 {0, 300, 3600},
	 "suspect: looks like a leak, but after 5 min nothing is said before 1 h 0 min"},
	{REASON_RUNNING_SMALL,
	 {600, 65536},
	 "suspect: 600 B survived, and less than 64.0 KB is no verdict on a running process"},
	{REASON_CALLSITES_LEAK, {1, MB}, "1 callsite never frees a share of what it allocates: +1.0 MB/h"},
	{REASON_CALLSITES_LEAK, {3, MB}, "3 callsites never free a share of what they allocate: +1.0 MB/h"},
	{REASON_CALLSITES_GROW, {2, MB}, "2 callsites keep growing: +1.0 MB/h"},
	{REASON_CALLSITES_SUSPECT,
	 {1, 300, 3600},
	 "suspect: 1 callsite, but after 5 min no verdict is given before 1 h 0 min"},
	{REASON_CALLSITES_WARM_UP, {7, 3 * MB}, "7 callsites grew and came to rest, with 3.0 MB"},
	{REASON_CALLSITES_STABLE, {100}, "100 callsites judged, none keeps growing"},
	{REASON_KEPT_IDLE,
	 {197 * MB, 200 * MB, 3 * MB},
	 "197.0 MB are free blocks that the allocator keeps: RSS rose by 200.0 MB, what is needed by 3.0 MB"},
	{REASON_ADVICE_TRIM, {0}, "malloc_trim(), a lower MALLOC_ARENA_MAX or another allocator would give it back"},
	{REASON_GROWN_OUTSIDE,
	 {64 * MB, 0, MB},
	 "RSS grows outside malloc: 64.0 MB anonymous, 0 B of files, 1.0 MB shared"},
	{REASON_CALLSITES_MARKED, {2, 80}, "2 callsites grow from mark to mark: +80 B each"},
	{(enum reason_code)999, {0}, "reason 999"},
};

int main(void)
{
	struct wire_reason reason;
	bool seen[N_REASON_CODES] = {0};
	char text[256];
	size_t i, n, size;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		reason = (struct wire_reason){.code = (uint16_t)cases[i].code};
		memcpy(reason.value, cases[i].value, sizeof(reason.value));
		n = reason_text(&reason, text, sizeof(text));
		CHECK_TEXT(text, cases[i].words);
		CHECK_EQ(n, strlen(cases[i].words));
		if (reason.code < N_REASON_CODES)
			seen[reason.code] = true;
	}
	for (i = 1; i < N_REASON_CODES; i++)
		CHECK(seen[i]);
	for (size = 0; size <= 20; size++) { /* cut, not overrun */
		memset(text, 'x', sizeof(text));
		CHECK_EQ(reason_text(&reason, text, size), size == 0 ? 0 : size <= 10 ? size - 1 : 10);
		CHECK(text[size] == 'x');
	}
	for (i = 0; i < N_REASON_CODES; i++) { /* figures from a hostile stream */
		reason = (struct wire_reason){.code = (uint16_t)i, .value = {INFINITY, -INFINITY, NAN}};
		CHECK(reason_text(&reason, text, sizeof(text)) > 0);
		reason = (struct wire_reason){.code = (uint16_t)i, .value = {1e308, -1e308, 1e308}};
		CHECK(reason_text(&reason, text, sizeof(text)) < sizeof(text));
	}
	return check_result();
}
