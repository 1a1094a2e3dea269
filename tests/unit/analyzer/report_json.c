/*
 * Tests of the JSON report: parsed back, every field of guard-report/1 is there with its type and the right value.
 *
 * Argument: fixtures/stacks.c built with debug information.
 */
#include "analyzer/report.h"
#include "tests/unit/analyzer/sample_service.h"
#include "tests/unit/check.h"
#include <jansson.h>

/* The contract: types are those of the values here; null may stand for any. */
static const char schema[] =
	"{'schema':'','processes':[{"
	"'pid':1,'exe':'','command':[''],'started':'','duration_s':1.5,"
	"'end':{'how':'','status':0,'signal':'','final_state':''},"
	"'exact':true,'inexact_reasons':[''],"
	"'agent':{'version':'','mode':'','unwinder':'','memory_bytes':0,'cpu_s':0.5,'dropped':0,'unknown_frees':0,"
	"'detector':{'cpu_s':0.5,'walk_cpu_s':0.5,'walks':1,'candidates':1,'left_out':1}},"
	"'verdict':{'state':'','severity':'','score':0.5,'growth_bytes_per_hour':0.5,'r2':0.5,'time_to_limit_s':0.5,"
	"'reasons':[''],'confidence':0.5,'evident_bytes_per_hour':0.5,'time_to_limit_low_s':0.5,"
	"'time_to_limit_high_s':0.5,'grown':{'rss_bytes':0.5,'live_bytes':0.5,'retained_bytes':0.5,'outside_bytes':0.5,"
	"'file_bytes':0.5,'shared_bytes':0.5}},"
	"'memory':{'rss_bytes':0,'vms_bytes':0,'peak_rss_bytes':0,'live_bytes':0,'live_blocks':0,'peak_live_bytes':0,"
	"'allocated_bytes':0,'allocated_blocks':0,'freed_bytes':0,'freed_blocks':0},"
	"'mappings':[{'name':'','before_bytes':0,'rss_bytes':0}],"
	"'baseline':{'rss_bytes':0,'live_bytes':0,'growth_bytes':0,'growth_percent':0.5},"
	"'other_callsites':{'n':1,'live_bytes':0,'live_blocks':0,'allocated_bytes':0,'allocated_blocks':0,'freed_bytes'"
	":0,"
	"'freed_blocks':0},"
	"'callsites':[{'id':'','live_bytes':0,'live_blocks':0,'allocated_bytes':0,'allocated_blocks':0,'freed_bytes':0,"
	"'freed_blocks':0,'verdict':{'state':'','score':0.5,'growth_bytes_per_hour':0.5,'r2':0.5,'reasons':['']},"
	"'evidence':{'finding':'','z':0.5,'p':0.5,'p_low':0.5,'p_high':0.5,'p_value':0.5,'confidence':0.5,'rise':0.5,"
	"'survivors':0.5,'births':0.5,'survivor_bytes':0.5,'hazard':0.5,'hazard_s':0.5,'deceleration':0.5,'tail':0.5,"
	"'bytes_per_hour':0.5,'bytes_per_hour_low':0.5,'bytes_per_hour_high':0.5,"
	"'marks':{'n':1,'blocks_per_mark':0.5,'bytes_per_mark':0.5},'age_s':0.5,'ages':[1]},"
	"'frames':[{'function':'','file':'','line':1,'module':'','build_id':'','offset':1,'inlined':true}]}],"
	"'samples':[{'t_s':0.5,'rss_bytes':0,'vms_bytes':0,'live_bytes':0}]}]}";

static json_t *parse_schema(void)
{
	char *text = strdup(schema);
	json_t *json;

	for (char *quote = text; (quote = strchr(quote, '\''));)
		*quote = '"';
	json = json_loads(text, 0, NULL);
	free(text);
	return json;
}

static bool same_type(const json_t *is, const json_t *should_be)
{
	return json_typeof(is) == json_typeof(should_be) || (json_is_boolean(is) && json_is_boolean(should_be));
}

static void check_schema(json_t *is, json_t *should_be, const char *name)
{
	const char *key;
	json_t *value;
	size_t i;

	if (json_is_null(is))
		return;
	if (!check_note(same_type(is, should_be)))
		printf("%s has another type\n", name);
	if (json_is_array(is))
		json_array_foreach(is, i, value) check_schema(value, json_array_get(should_be, 0), name);
	json_object_foreach(should_be, key, value)
	{
		if (!check_note(json_object_get(is, key) != NULL))
			printf("%s has no %s\n", name, key);
		else
			check_schema(json_object_get(is, key), value, key);
	}
}

/* The value at a path such as "processes.0.end.how". */
static json_t *at(json_t *json, const char *path)
{
	char *copy = strdup(path), *rest = copy, *step;

	while (json && (step = strsep(&rest, ".")))
		json = json_is_array(json) ? json_array_get(json, atoi(step)) : json_object_get(json, step);
	free(copy);
	return json;
}

static const char *text_at(json_t *json, const char *path)
{
	const char *text = json_string_value(at(json, path));

	return text ? text : "(none)";
}

static long long integer_at(json_t *json, const char *path)
{
	return json_is_integer(at(json, path)) ? json_integer_value(at(json, path)) : -4242;
}

static double real_at(json_t *json, const char *path)
{
	return json_is_real(at(json, path)) ? json_real_value(at(json, path)) : NAN;
}

static json_t *report_some(const struct model *model, unsigned callsites)
{
	char *text = sample_report(report_json, model, &(struct report_options){.callsites = callsites});
	json_error_t error;
	json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, &error);

	if (!json)
		printf("%d: %s\n%s\n", error.line, error.text, text);
	free(text);
	return json;
}

static json_t *report(const struct model *model)
{
	return report_some(model, 0);
}

static void check_head(json_t *p)
{
	CHECK_EQ(integer_at(p, "pid"), 1234);
	CHECK_TEXT(text_at(p, "exe"), "/usr/bin/service");
	CHECK_TEXT(text_at(p, "command.0"), "service");
	CHECK_TEXT(text_at(p, "command.1"), "--bad\xef\xbf\xbd\033");
	CHECK_TEXT(text_at(p, "started"), "2024-02-29T23:59:59.999Z");
	CHECK_NEAR(real_at(p, "duration_s"), 12.5, 0);
	CHECK_TEXT(text_at(p, "end.how"), "signal");
	CHECK_EQ(integer_at(p, "end.status"), 137);
	CHECK_TEXT(text_at(p, "end.signal"), "SIGKILL");
	CHECK_TEXT(text_at(p, "end.final_state"), "post-mortem");
	CHECK(json_is_true(at(p, "exact")));
	CHECK_EQ(json_array_size(at(p, "inexact_reasons")), 0);
	CHECK_TEXT(text_at(p, "agent.version"), "0.1.0");
	CHECK_TEXT(text_at(p, "agent.mode"), "exact");
	CHECK_TEXT(text_at(p, "agent.unwinder"), "libunwind");
	CHECK_EQ(integer_at(p, "agent.memory_bytes"), 2 << 20);
	CHECK_NEAR(real_at(p, "agent.cpu_s"), 0.015, 1e-9);
	CHECK_EQ(integer_at(p, "agent.unknown_frees"), 3);
	CHECK_NEAR(real_at(p, "agent.detector.cpu_s"), 0.005, 1e-9);
	CHECK_EQ(integer_at(p, "agent.detector.left_out"), 1200);
	CHECK_TEXT(text_at(p, "verdict.state"), "leak");
	CHECK_TEXT(text_at(p, "verdict.severity"), "critical");
	CHECK_NEAR(real_at(p, "verdict.score"), 0.875, 0);
	CHECK_NEAR(real_at(p, "verdict.time_to_limit_s"), 7200, 0);
	CHECK_EQ(json_array_size(at(p, "verdict.reasons")), 2);
}

static void check_figures(json_t *p)
{
	CHECK_EQ(integer_at(p, "memory.rss_bytes"), 16 << 20);
	CHECK_EQ(integer_at(p, "memory.vms_bytes"), 100 << 20);
	CHECK_EQ(integer_at(p, "memory.peak_rss_bytes"), 20 << 20);
	CHECK_EQ(integer_at(p, "memory.live_bytes"), 4000 + 400 + 128 + 64);
	CHECK_EQ(integer_at(p, "memory.live_blocks"), 8 + 4 + 2 + 1);
	CHECK_EQ(integer_at(p, "memory.peak_live_bytes"), 6000);
	CHECK_EQ(integer_at(p, "memory.allocated_bytes"), 5000 + 300 + 400 + 900 + 128 + 64);
	CHECK_EQ(integer_at(p, "memory.freed_blocks"), 2 + 1 + 2 + 9);
	CHECK_EQ(integer_at(p, "baseline.rss_bytes"), 8 << 20);
	CHECK_TEXT(text_at(p, "mappings.0.name"), "anonymous");
	CHECK_EQ(integer_at(p, "mappings.0.rss_bytes"), 3 << 20);
	CHECK_EQ(integer_at(p, "baseline.live_bytes"), 500);
	CHECK_EQ(integer_at(p, "baseline.growth_bytes"), 8 << 20);
	CHECK_NEAR(real_at(p, "baseline.growth_percent"), 100, 0);
	CHECK_EQ(json_array_size(at(p, "samples")), 3);
	CHECK_NEAR(real_at(p, "samples.1.t_s"), 5, 0);
	CHECK_EQ(integer_at(p, "samples.2.live_bytes"), 3000);
	CHECK_EQ(json_array_size(at(p, "unnamed_modules")), 1);
	CHECK_TEXT(text_at(p, "unnamed_modules.0.module"), "/nowhere/plugin.so");
	CHECK_TEXT(text_at(p, "unnamed_modules.0.reason"), "no such file");
}

static void check_callsites(json_t *p, const char *library)
{
	CHECK_EQ(json_array_size(at(p, "callsites")), 5);
	CHECK_TEXT(text_at(p, "callsites.0.verdict.state"), "leak");
	CHECK_NEAR(real_at(p, "callsites.0.verdict.growth_bytes_per_hour"), 2097152, 0);
	CHECK_EQ(integer_at(p, "callsites.0.live_bytes"), 128);
	CHECK_EQ(json_array_size(at(p, "callsites.0.verdict.reasons")), 3);
	CHECK_TEXT(text_at(p, "callsites.0.evidence.finding"), "leak");
	CHECK_NEAR(real_at(p, "callsites.0.evidence.p"), 0.25, 1e-6);
	CHECK_NEAR(real_at(p, "callsites.0.evidence.z"), 4.5, 0);
	CHECK_EQ(json_array_size(at(p, "callsites.0.evidence.ages")), 8);
	CHECK_EQ(integer_at(p, "callsites.0.evidence.ages.3"), 1000);
	CHECK(json_is_null(at(p, "callsites.1.evidence")));
	CHECK_TEXT(text_at(p, "callsites.0.frames.0.function"), "app::cache::get(int)");
	CHECK_TEXT(text_at(p, "callsites.0.frames.0.module"), library);
	CHECK_EQ(integer_at(p, "callsites.0.frames.0.offset"),
		 sample_function(library, "_ZN3app5cache3getEi", NULL) + 4);
	CHECK(integer_at(p, "callsites.0.frames.0.line") >= 300);
	CHECK_EQ(strlen(text_at(p, "callsites.0.frames.0.build_id")), 40);
	/* The file is gone: what is known is the module and the offset. */
	CHECK_EQ(integer_at(p, "callsites.1.live_bytes"), 4000);
	CHECK(json_is_null(at(p, "callsites.1.frames.0.function")));
	CHECK(json_is_null(at(p, "callsites.1.frames.0.file")));
	CHECK(json_is_null(at(p, "callsites.1.frames.0.line")));
	CHECK(json_is_null(at(p, "callsites.1.frames.0.build_id")));
	CHECK_TEXT(text_at(p, "callsites.1.frames.0.module"), "/nowhere/plugin.so");
	CHECK_EQ(integer_at(p, "callsites.1.frames.0.offset"), 0x1234);
	CHECK(!at(p, "callsites.1.cut"));
	/* Two callsites of one stack, one of them through the agent. */
	CHECK_EQ(integer_at(p, "callsites.2.live_bytes"), 400);
	CHECK_EQ(integer_at(p, "callsites.2.allocated_blocks"), 7);
	CHECK(json_is_true(at(p, "callsites.2.cut")));
	CHECK_TEXT(text_at(p, "callsites.2.frames.0.function"), "app::cache::get(int)");
	CHECK_EQ(json_array_size(at(p, "callsites.3.frames")), 0);
	CHECK(json_is_true(at(p, "callsites.3.incomplete")));
	CHECK_EQ(integer_at(p, "callsites.4.live_bytes"), 0);
	CHECK_EQ(integer_at(p, "callsites.4.freed_bytes"), 900);
	CHECK(strcmp(text_at(p, "callsites.0.id"), text_at(p, "callsites.4.id")) != 0);
}

/* Everything that can be out of range, at once: still JSON, still the schema. */
static void test_hostile(json_t *contract)
{
	struct model model;
	struct process *process;
	uint64_t frame = FRAME(9, 1);
	json_t *json;

	model_init(&model);
	process = model_process(&model, 1);
	memset(&process->verdict, 0xff, sizeof(process->verdict));
	memset(&process->agent, 0xff, sizeof(process->agent));
	memset(&process->end, 0xff, sizeof(process->end));
	process->end.how = END_SIGNAL;
	process->missing_frames = process->malformed = UINT64_MAX;
	sample_text(&process->exe, "\xff\xfe");
	sample_callsite(process, &frame, 1, sample_counts(UINT64_MAX, UINT64_MAX, 1, 0))->verdict =
		(struct wire_callsite_verdict){.state = 99, .score = NAN, .r2 = INFINITY};
	json = report(&model);
	check_schema(json, contract, "report");
	CHECK(json_is_false(at(json, "processes.0.exact")));
	CHECK_EQ(json_array_size(at(json, "processes.0.inexact_reasons")),
		 1); /* dormant, for a reason not known here */
	CHECK_EQ(integer_at(json, "processes.0.agent.memory_bytes"), INT64_MAX);
	CHECK(json_is_null(at(json, "processes.0.verdict.time_to_limit_s")));
	CHECK_NEAR(real_at(json, "processes.0.callsites.0.verdict.score"), 0, 0);
	CHECK(json_is_null(at(json, "processes.0.callsites.0.frames.0.module")));
	json_decref(json);
	process->agent.dormant = DORMANT_NO;
	json = report(&model);
	CHECK(json_array_size(at(json, "processes.0.inexact_reasons")) >= 10);
	json_decref(json);
	model_fini(&model);
}

/* What is listed and what is summed up are all there is; what leaks is listed in any case. */
static void test_other_callsites(json_t *contract)
{
	struct model model;
	json_t *json;

	model_init(&model);
	for (unsigned k = 1; k <= 2; k++) {
		struct process *process = model_process(&model, k);

		for (uint64_t i = 1; i <= 100; i++)
			sample_callsite(process, &(uint64_t){FRAME(0, i)}, 1, sample_counts(2, 1000 + i, 1, 0))
				->verdict.state = i <= 10 * (k - 1) ? VERDICT_GROWTH : VERDICT_STABLE;
	}
	json = report_some(&model, 4);
	check_schema(json, contract, "report");
	CHECK_EQ(json_array_size(at(json, "processes.0.callsites")), 4);
	CHECK_EQ(integer_at(json, "processes.0.callsites.0.live_bytes"), 1100);
	CHECK_EQ(integer_at(json, "processes.0.other_callsites.n"), 96);
	CHECK_EQ(integer_at(json, "processes.0.other_callsites.live_blocks"), 96);
	CHECK_EQ(integer_at(json, "processes.0.other_callsites.allocated_bytes"), 96 * 1000 + 96 * 97 / 2);
	CHECK_EQ(integer_at(json, "processes.0.other_callsites.freed_blocks"), 96);
	CHECK_EQ(json_array_size(at(json, "processes.1.callsites")), 10);
	CHECK_EQ(integer_at(json, "processes.1.other_callsites.n"), 90);
	json_decref(json);
	json = report(&model);
	CHECK_EQ(json_array_size(at(json, "processes.1.callsites")), 100);
	CHECK_EQ(integer_at(json, "processes.1.other_callsites.n"), 0);
	CHECK_EQ(integer_at(json, "processes.1.other_callsites.live_bytes"), 0);
	json_decref(json);
	model_fini(&model);
}

static void test_running_and_none(json_t *contract)
{
	struct model model;
	json_t *json;

	model_init(&model);
	json = report(&model);
	CHECK_TEXT(text_at(json, "schema"), "guard-report/1");
	CHECK_EQ(json_array_size(at(json, "processes")), 0);
	json_decref(json);
	CHECK(model_process(&model, 7) != NULL);
	CHECK(model_process(&model, 8) != NULL);
	json = report(&model);
	check_schema(json, contract, "report");
	CHECK_EQ(json_array_size(at(json, "processes")), 2);
	CHECK_TEXT(text_at(json, "processes.1.end.how"), "running");
	CHECK(json_is_null(at(json, "processes.1.end.signal")));
	CHECK(json_is_null(at(json, "processes.1.verdict.time_to_limit_s")));
	CHECK(json_is_false(at(json, "processes.1.exact")));
	json_decref(json);
	model_fini(&model);
}

/* One name for the same functions at other offsets, another for other functions. */
static void test_names(const char *library)
{
	uint64_t outer = sample_function(library, "stacks_outer", NULL);
	uint64_t after = sample_function(library, "stacks_after", NULL);
	uint64_t frames[] = {FRAME(1, after + 4), FRAME(1, after + 8), FRAME(1, outer + 1), FRAME(2, 1), FRAME(2, 2)};
	const char *ids[5];
	struct model model;
	struct process *process;
	json_t *json;

	model_init(&model);
	process = model_process(&model, 1);
	sample_module(process, library, library);
	sample_module(process, "/nowhere/x", NULL);
	for (unsigned i = 0; i < 5; i++)
		sample_callsite(process, &frames[i], 1, sample_counts(1, 100 - i, 0, 0));
	json = report(&model);
	for (unsigned i = 0; i < 5; i++)
		ids[i] = json_string_value(at(json_array_get(at(json, "processes.0.callsites"), i), "id"));
	CHECK_TEXT(ids[0], ids[1]);
	CHECK(strcmp(ids[0], ids[2]) != 0);
	CHECK(strcmp(ids[3], ids[4]) != 0);
	CHECK_EQ(strlen(ids[0]), 16);
	json_decref(json);
	model_fini(&model);
}

/* Stacks of several processes: module ids are each process's own, the text is that of the right module. */
static void test_several_processes(const char *library)
{
	uint64_t after = sample_function(library, "stacks_after", NULL) + 4;
	struct model model;
	json_t *json;

	model_init(&model);
	for (unsigned i = 0; i < 3; i++) {
		struct process *process = model_process(&model, i + 1);
		uint64_t frames[] = {FRAME(1, after), FRAME(2, after), FRAME(3, after)};

		sample_module(process, i == 1 ? "/nowhere/x" : library, i == 1 ? NULL : library);
		sample_module(process, i == 1 ? library : "/nowhere/x", i == 1 ? library : NULL);
		sample_callsite(process, frames, 3, sample_counts(1, 100, 0, 0)); /* module 3 is not known */
	}
	json = report(&model);
	CHECK(json_equal(at(json, "processes.0.callsites"), at(json, "processes.2.callsites")));
	CHECK_TEXT(text_at(json, "processes.0.callsites.0.frames.0.module"), library);
	CHECK_TEXT(text_at(json, "processes.0.callsites.0.frames.1.module"), "/nowhere/x");
	CHECK_TEXT(text_at(json, "processes.1.callsites.0.frames.0.module"), "/nowhere/x");
	CHECK_TEXT(text_at(json, "processes.1.callsites.0.frames.1.module"), library);
	CHECK_TEXT(text_at(json, "processes.1.callsites.0.frames.1.function"), "stacks_after");
	CHECK(json_is_null(at(json, "processes.1.callsites.0.frames.2.module")));
	json_decref(json);
	model_fini(&model);
}

int main(int argc, char **argv)
{
	json_t *contract = parse_schema(), *json;
	struct model model;

	if (argc < 2 || !contract)
		return 1;
	sample_absolute(argc, argv);
	model_init(&model);
	sample_service(&model, argv[1]);
	json = report(&model);
	check_schema(json, contract, "report");
	CHECK_EQ(json_array_size(at(json, "processes")), 1);
	check_head(at(json, "processes.0"));
	check_figures(at(json, "processes.0"));
	check_callsites(at(json, "processes.0"), argv[1]);
	json_decref(json);
	model_fini(&model);
	test_hostile(contract);
	test_running_and_none(contract);
	test_other_callsites(contract);
	test_names(argv[1]);
	test_several_processes(argv[1]);
	json_decref(contract);
	return check_result();
}
