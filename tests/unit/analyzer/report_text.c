/*
 * Tests of the text report: a sample service, line by line; long stacks, many processes, hostile bytes.
 *
 * Argument: fixtures/stacks.c built with debug information.
 */
#include "analyzer/report.h"
#include "tests/unit/analyzer/sample_service.h"
#include "tests/unit/check.h"

static char *report(const struct model *model, bool color)
{
	return sample_report(report_text, model, &(struct report_options){.color = color});
}

/* The directory of stacks.c is the build's affair. */
static void drop_directories(char *text)
{
	char *place;

	while ((place = strstr(text, "/stacks.c"))) {
		char *start = place;

		while (start > text && start[-1] != ' ')
			start--;
		memmove(start, place + 1, strlen(place + 1) + 1);
	}
}

static const char expected[] =
	"/usr/bin/service --bad?? (pid 1234, 12.5 s, killed by SIGKILL, post-mortem)\n"
	"  verdict   leak, critical, score 0.88, limit in 2 h 0 min\n"
	"            RSS grows by 12.0 MB/h (R2 0.94, score 0.88)\n"
	"            live bytes grow by 2.0 MB/h (R2 0.50, score 0.75)\n"
	"  memory    live 4.5 KB in 15 blocks (peak 5.9 KB); RSS 10.0 MB -> 16.0 MB (peak 20.0 MB)\n"
	"            allocated 6.6 KB in 29 blocks, freed 2.1 KB in 14 blocks\n"
	"  figures   exact\n"
	"\n"
	"  128 B in 2 blocks, 2.8 %, +1.0 MB/h, leak, score 0.75\n"
	"            25 % of the blocks allocated here are never freed: 25 of 100 that had the time\n"
	"            of the older blocks 0.5 % were freed in the last 2 s\n"
	"            never fewer live blocks than before: +40 in 9 s, +1.0 MB/h\n"
	"            live blocks by age, oldest first, in eighths of 12.5 s: 5 6 7 1,000 7 6 5 4\n"
	"      app::cache::get(int)  stacks.c:301\n"
	"\n"
	"  3.9 KB in 8 blocks, 87.1 %\n"
	"      ??  /nowhere/plugin.so+0x1234\n"
	"      stacks_outer  stacks.c:201\n"
	"\n"
	"  400 B in 4 blocks, 8.7 %\n"
	"      app::cache::get(int)  stacks.c:301\n"
	"      stacks_outer  stacks.c:201\n"
	"      [stack cut: deeper than option depth]\n"
	"\n"
	"  1 other callsite: 64 B in 1 block\n"
	"\n"
	"  guard     2.0 MB of memory, 15 ms of CPU, mode exact, libunwind; 0 records dropped, 3 unknown frees\n"
	"            evidence on 6 callsites, 5 ms of that CPU time\n"
	"            1,200 more callsites would be judged if there was room\n"
	"  /nowhere/plugin.so: no such file; its functions are not named\n";

static void test_service(const char *library)
{
	struct model model;
	char *text;

	model_init(&model);
	sample_service(&model, library);
	text = report(&model, false);
	drop_directories(text);
	CHECK_TEXT(text, expected);
	CHECK(!strchr(text, '\033'));
	free(text);
	text = report(&model, true);
	CHECK(strstr(text, "\033[1;31mleak\033[0m") != NULL);
	free(text);
	model_fini(&model);
}

static unsigned count(const char *text, const char *word)
{
	unsigned n = 0;

	for (; (text = strstr(text, word)); text += strlen(word))
		n++;
	return n;
}

static void test_long_stack_and_many_callsites(void)
{
	uint64_t frames[30];
	struct model model;
	struct process *process;
	char *text;

	model_init(&model);
	process = model_process(&model, 1);
	sample_module(process, "/nowhere/x", NULL);
	for (unsigned i = 0; i < 30; i++)
		frames[i] = FRAME(1, 0x1000 + i);
	sample_callsite(process, frames, 30, sample_counts(1, 1 << 20, 0, 0));
	for (unsigned i = 0; i < 14; i++)
		sample_callsite(process, &frames[i], 1, sample_counts(1, 100, 0, 0))->verdict.state =
			i == 13 ? VERDICT_STABLE : VERDICT_WARM_UP;
	sample_callsite(process, &frames[20], 1, sample_counts(5, 100, 5, 100));
	text = report(&model, false);
	CHECK(strstr(text, "+0x1009\n      ... 18 more frames\n      ??  /nowhere/x+0x101c\n") != NULL);
	CHECK(strstr(text, "+0x101d\n\n") != NULL);
	CHECK(strstr(text, "\n  12 other callsites, 1 stable, 11 warm_up: 1.2 KB in 12 blocks\n") != NULL);
	CHECK_EQ(count(text, "no such file"), 1);
	CHECK(strstr(text, "still running") != NULL);
	CHECK(strstr(text, "inexact: ") == NULL);
	CHECK(strstr(text, "no unwinder: stacks of one frame") != NULL);
	free(text);
	model_fini(&model);
}

/* Many that grow fit a screen: one in full, two shortly, a line for each of the next seven, the rest in one. */
static void test_many_that_grow(void)
{
	uint64_t frames[30];
	struct model model;
	struct process *process;
	char *text;

	model_init(&model);
	process = model_process(&model, 1);
	for (unsigned i = 0; i < 30; i++)
		frames[i] = FRAME(0, 0x1000 + i);
	for (unsigned i = 1; i <= 20; i++)
		sample_callsite(process, frames + i - 1, 31 - i, sample_counts(1, 1000 - i, 0, 0))->verdict.state =
			VERDICT_GROWTH;
	text = report(&model, false);
	CHECK(strstr(text, "\n  999 B in 1 block, 5.0 %, growth, score 0.00\n      ??  0x1000 in no module\n") != NULL);
	CHECK(strstr(text, "... 18 more frames\n") != NULL);
	CHECK(strstr(text, "... 23 more frames\n") != NULL && strstr(text, "... 22 more frames\n") != NULL);
	CHECK(strstr(text, "\n\n  996 B in 1 block, 5.0 %, growth, score 0.00: ?? < ?? < ?? < ??\n  995 B in") != NULL);
	CHECK(strstr(text, "\n  990 B in 1 block, 5.0 %, growth, score 0.00: ?? < ?? < ?? < ??\n\n  10 other") != NULL);
	CHECK(strstr(text, "\n  10 other callsites, 10 growth: 9.6 KB in 10 blocks\n") != NULL);
	CHECK(count(text, "\n") < 60);
	free(text);
	model_fini(&model);
}

/* What grew may be gone; what comes and goes in an innocent callsite is no growth. */
static void test_headlines(void)
{
	uint64_t frames[] = {FRAME(0, 0x1000), FRAME(0, 0x2000)};
	struct model model;
	struct process *process;
	char *text;

	model_init(&model);
	process = model_process(&model, 1);
	sample_callsite(process, &frames[0], 1, sample_counts(5, 1000, 5, 1000))->verdict =
		(struct wire_callsite_verdict){.state = VERDICT_GROWTH, .growth_bytes_per_hour = 1 << 20};
	sample_callsite(process, &frames[1], 1, sample_counts(1, 1024, 0, 0))->verdict =
		(struct wire_callsite_verdict){.state = VERDICT_STABLE, .growth_bytes_per_hour = 1 << 20};
	text = report(&model, false);
	CHECK(strstr(text, "\n  nothing live any more, +1.0 MB/h, growth, score 0.00\n      ??  0x1000") != NULL);
	CHECK(strstr(text, "\n  1.0 KB in 1 block, 100.0 %\n      ??  0x2000") != NULL);
	free(text);
	model_fini(&model);
}

/* In a long stack of library code the program's own frames are what one wants to see. */
static void test_own_code_in_long_stack(void)
{
	uint64_t frames[30];
	struct model model;
	struct process *process;
	char *text;

	model_init(&model);
	process = model_process(&model, 1);
	sample_module(process, "/usr/lib/nowhere.so", NULL);
	sample_module(process, "/home/x", NULL);
	for (unsigned i = 0; i < 30; i++)
		frames[i] = FRAME(i == 20 || i == 22 ? 2 : 1, 0x1000 + i);
	sample_callsite(process, frames, 30, sample_counts(1, 1, 0, 0));
	text = report(&model, false);
	CHECK(strstr(text,
		     ".so+0x1007\n      ... 12 more frames\n      ??  /home/x+0x1014\n      ... 1 more frame\n"
		     "      ??  /home/x+0x1016\n      ... 5 more frames\n      ??  /usr/lib/nowhere.so+0x101c\n") !=
	      NULL);
	CHECK_EQ(count(text, "      ??  "), 12);
	free(text);
	model_fini(&model);
}

static void test_many_processes(void)
{
	struct model model;
	char *text, *first, *second;

	model_init(&model);
	for (unsigned i = 1; i <= 40; i++) {
		struct process *process = model_process(&model, i);
		uint64_t frame = FRAME(1, i);

		process->wire.pid = 100 + i;
		process->end = (struct wire_end){.how = END_EXIT, .status = i == 30 ? 3 : 0};
		process->final_state = FINAL_AGENT;
		sample_callsite(process, &frame, 1, sample_counts(2, 200, i % 16 ? 2 : 1, i % 16 ? 200 : 2 * i));
		if (i == 33)
			process->verdict.state = VERDICT_LEAK;
		if (i == 35)
			process->verdict.severity = SEVERITY_WARNING;
		if (i == 16) /* holds most, but is no more */
			process->end.how = END_EXEC;
	}
	text = report(&model, false);
	CHECK_EQ(count(text, "  verdict   "), 3);
	CHECK(strncmp(text, "? (pid 133,", 11) == 0);
	first = strstr(text, "(pid 135,");
	second = strstr(text, "(pid 132,");
	CHECK(first && second && first < second);
	CHECK(strstr(text, "(pid 101, 0 ms, exit status 0): inconclusive, nothing live\n") != NULL);
	CHECK(strstr(text, "and 17 more processes\n") != NULL);
	free(text);
	model_fini(&model);
	model_init(&model);
	text = report(&model, false);
	CHECK_TEXT(text, "no process was recorded\n");
	free(text);
}

static void test_hostile(void)
{
	struct model model;
	struct process *process;
	uint64_t frame = FRAME(7, 1);
	char *text, *path = calloc(1, 100001);

	memset(path, '\033', 100000);
	model_init(&model);
	process = model_process(&model, 1);
	sample_text(&process->exe, path);
	sample_argument(process, "x");
	sample_argument(process, path);
	memset(&process->verdict, 0xff, sizeof(process->verdict));
	memset(&process->agent, 0xff, sizeof(process->agent));
	memset(&process->end, 0xff, sizeof(process->end));
	sample_module(process, path, NULL);
	sample_callsite(process, &frame, 1, sample_counts(INT64_MAX, INT64_MAX, 0, 0))->verdict =
		(struct wire_callsite_verdict){.growth_bytes_per_hour = NAN};
	frame = FRAME(1, 1);
	sample_callsite(process, &frame, 1, sample_counts(1, 1, 0, 0));
	text = report(&model, false);
	CHECK(!strchr(text, '\033'));
	CHECK(strlen(text) < 6000);
	CHECK(strstr(text, "0x1 in no module") != NULL);
	CHECK(!strstr(text, "nan") && !strstr(text, "inf "));
	free(text);
	free(path);
	model_fini(&model);
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 1;
	sample_absolute(argc, argv);
	test_service(argv[1]);
	test_long_stack_and_many_callsites();
	test_many_that_grow();
	test_headlines();
	test_own_code_in_long_stack();
	test_many_processes();
	test_hostile();
	return check_result();
}
