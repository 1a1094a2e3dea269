/*
 * Tests of analyzer/decode: frames become the model; what makes no sense is counted and costs no memory.
 */
#include "analyzer/decode.h"
#include "protocol/sampling.h"
#include "tests/unit/check.h"
#include "tests/unit/image.h"
#include <errno.h>
#include <math.h>

static _Alignas(8) unsigned char buffer[FRAME_MAX];
static struct frame_builder builder;
static struct model model;
static struct kept kept;

static void begin(uint16_t type, uint16_t flags)
{
	if (!builder.sink)
		frame_init(&builder, buffer, 42, keep, &kept);
	frame_begin(&builder, type, flags);
}

static void put(uint16_t kind, const void *body, size_t size)
{
	void *room = frame_record(&builder, kind, (uint32_t)size);

	if (room)
		memcpy(room, body, size);
}

/* Ends the frame and decodes it. Returns its process. */
static struct process *finish(int expected)
{
	struct process *process = NULL;

	kept_clear(&kept);
	frame_end(&builder, FRAME_LAST);
	CHECK_EQ(decode_frame(&model, (struct wire_header *)kept.data, &process), expected);
	return process;
}

static void fresh(void)
{
	model_fini(&model);
	model_init(&model);
	builder.sink = NULL;
}

static void test_hello(void)
{
	struct {
		struct wire_process wire;
		char text[24];
	} hello = {.wire = {.pid = 7, .exe_length = 6, .cwd_length = 4, .command_length = 7, .version_length = 3}};
	struct process *process;

	fresh();
	memcpy(hello.text, "/bin/x/tmpx\0-a\0b\0001.2", 20);
	begin(FRAME_HELLO, 0);
	put(WIRE_PROCESS, &hello, sizeof(hello));
	put(WIRE_TEXT, "depth=3\n", 8);
	process = finish(0);
	CHECK_EQ(process->wire.pid, 7);
	CHECK_TEXT(process->exe, "/bin/x");
	CHECK_TEXT(process->cwd, "/tmp");
	CHECK_EQ(process->n_command, 3);
	CHECK_TEXT(process->command[0], "x");
	CHECK_TEXT(process->command[1], "-a");
	CHECK_TEXT(process->command[2], "b");
	CHECK(!process->command[3]);
	CHECK_TEXT(process->version, "1.2");
	CHECK_TEXT(process->options, "depth=3\n");
	hello.wire.exe_length = 0xfffffff0u; /* the sum must not wrap */
	begin(FRAME_HELLO, 0);
	put(WIRE_PROCESS, &hello, sizeof(hello));
	process = finish(0);
	CHECK_EQ(process->malformed, 1);
	CHECK_TEXT(process->exe, "/bin/x");
}

static void test_snapshot(void)
{
	struct {
		struct wire_stack wire;
		uint64_t frames[3];
	} stack = {{5, 3, STACK_CUT}, {11, 12, 13}};
	struct wire_counts counts[2] = {{5, 0, 10, 1000, 4, 400}, {6, 0, 1, 1, 0, 0}};
	struct wire_sample samples[3] = {{.time_ns = 1}, {.time_ns = 3}, {.time_ns = 3}};
	struct {
		struct wire_module wire;
		char path[8];
	} module = {{.id = 2, .path_length = 6, .build_id_length = 20}, "/lib/y"};
	struct process *process;

	fresh();
	begin(FRAME_SNAPSHOT, FRAME_FULL);
	put(WIRE_STACK, &stack, sizeof(stack));
	put(WIRE_COUNTS, counts, sizeof(counts));
	put(WIRE_SAMPLE, samples, sizeof(samples));
	put(WIRE_MODULE, &module, sizeof(module));
	process = finish(0);
	CHECK_EQ(process->malformed, 0);
	CHECK_EQ(process->callsites[5].n_frames, 3);
	CHECK_EQ(process->callsites[5].frames[2], 13);
	CHECK_EQ(process->callsites[5].flags, STACK_CUT);
	CHECK_EQ(process_totals(process).allocated_bytes, 1001);
	CHECK_EQ(process->n_samples, 2);
	CHECK_TEXT(process->modules[2].path, "/lib/y");
	CHECK_EQ(process->modules[1].wire.id, 0);
	begin(FRAME_SNAPSHOT, FRAME_FULL); /* callsite 6 is not in it: zero */
	put(WIRE_COUNTS, counts, sizeof(counts[0]));
	process = finish(0);
	CHECK_EQ(process_totals(process).allocated_bytes, 1000);
	CHECK(process->callsites[5].frames != NULL);
	CHECK_EQ(process->final_state, FINAL_NONE);
	begin(FRAME_FINAL, FRAME_POST_MORTEM);
	process = finish(0);
	CHECK_EQ(process->final_state, FINAL_POST_MORTEM);
	begin(FRAME_FINAL, 0);
	process = finish(0);
	CHECK_EQ(process->final_state, FINAL_AGENT);
	begin(FRAME_FINAL, FRAME_POST_MORTEM);
	CHECK_EQ(finish(0)->final_state, FINAL_AGENT);
}

static void test_sampled(void)
{
	struct {
		struct wire_stack wire;
		uint64_t frames[2];
		struct wire_sampling sampling;
	} stack = {{1, 2, STACK_SAMPLED}, {11, 12}, {.sample_bytes = 65536, .class = 40}};
	struct wire_counts counts = {1, 0, 10, 1000, 4, 400};
	double weight = sampling_weight(&stack.sampling);
	struct process *process;

	fresh();
	begin(FRAME_SNAPSHOT, FRAME_FULL);
	put(WIRE_STACK, &stack, sizeof(stack));
	put(WIRE_COUNTS, &counts, sizeof(counts));
	put(WIRE_TEXT, "mode=sampled\n", 13);
	process = finish(0);
	CHECK_EQ(process->malformed, 0);
	CHECK_TEXT(process->options, "mode=sampled\n");
	CHECK_EQ(process->callsites[1].counts.allocated_blocks, 10);
	CHECK_EQ(process_totals(process).allocated_blocks, (uint64_t)(10 * weight + 0.5));
	CHECK_EQ(process_totals(process).freed_bytes, (uint64_t)(400 * weight + 0.5));
	counts.allocated_bytes = UINT64_MAX - 1; /* -2: a hostile frame may say so */
	counts.freed_bytes = INT64_MAX;
	begin(FRAME_SNAPSHOT, FRAME_FULL);
	put(WIRE_COUNTS, &counts, sizeof(counts));
	process = finish(0);
	CHECK(process_totals(process).freed_bytes > INT64_MAX / 4);
	CHECK((int64_t)process_totals(process).allocated_bytes < 0);
	begin(FRAME_SNAPSHOT, FRAME_FULL);
	put(WIRE_STACK, &stack, sizeof(stack) - 8);
	stack.sampling.class = SAMPLING_CLASSES;
	put(WIRE_STACK, &stack, sizeof(stack));
	stack.sampling.class = 0;
	put(WIRE_STACK, &stack, sizeof(stack));
	stack.sampling = (struct wire_sampling){.sample_bytes = 0, .class = 3};
	put(WIRE_STACK, &stack, sizeof(stack));
	stack.sampling.sample_bytes = SAMPLING_BYTES_MOST + 1;
	put(WIRE_STACK, &stack, sizeof(stack));
	CHECK_EQ(finish(0)->malformed, 5);
}

static void test_ids(void)
{
	struct wire_counts counts = {.callsite = 0xffffff};
	struct wire_stack stack = {.callsite = 0x1000000};
	struct wire_module module = {.id = 60000};
	struct wire_callsite_verdict verdict = {.callsite = 0};
	struct process *process;

	fresh();
	begin(FRAME_SNAPSHOT, 0);
	put(WIRE_COUNTS, &counts, sizeof(counts));
	put(WIRE_STACK, &stack, sizeof(stack));
	put(WIRE_MODULE, &module, sizeof(module));
	put(WIRE_CALLSITE_VERDICT, &verdict, sizeof(verdict));
	stack = (struct wire_stack){1, 60000, 0}; /* frames that are not there */
	put(WIRE_STACK, &stack, sizeof(stack));
	process = finish(0);
	CHECK_EQ(process->malformed, 5);
	CHECK_EQ(process->n_modules, 0);
	CHECK_EQ(process->n_callsites, 0);
}

static void test_values(void)
{
	struct wire_verdict verdict = {.state = VERDICT_LEAK, .score = NAN, .r2 = INFINITY, .time_to_limit_s = NAN};
	struct wire_evidence evidence = {.callsite = 1, .z = NAN, .rise = 3, .age_s = INFINITY, .ages = {7}}, bad = {0};
	struct wire_mapping mapping = {.name = "x", .now = 5};
	struct wire_agent agent = {.mode = N_MODES};
	struct wire_end end = {.how = N_ENDS};
	struct process *process;

	fresh();
	begin(FRAME_SNAPSHOT, 0);
	put(WIRE_VERDICT, &verdict, sizeof(verdict));
	put(WIRE_AGENT, &agent, sizeof(agent));
	put(WIRE_END, &end, sizeof(end));
	put(WIRE_EVIDENCE, &evidence, sizeof(evidence));
	put(WIRE_EVIDENCE, &bad, sizeof(bad)); /* of no callsite */
	put(WIRE_MAPPINGS, &mapping, sizeof(mapping));
	put(WIRE_END, &end, 4);	     /* too short */
	put(999, &end, sizeof(end)); /* from a later version: skipped */
	process = finish(0);
	CHECK_EQ(process->malformed, 4);
	CHECK(!strcmp(process->mappings[0].name, "x") && process->mappings[0].now == 5);
	CHECK(process->callsites[1].evidence.z == 0 && process->callsites[1].evidence.rise == 3);
	CHECK(process->callsites[1].evidence.age_s == 0 && process->callsites[1].evidence.ages[0] == 7);
	CHECK_EQ(process->verdict.state, VERDICT_LEAK);
	CHECK(process->verdict.score == 0 && process->verdict.r2 == 0 && process->verdict.time_to_limit_s == -1);
	CHECK_EQ(process->end.how, END_RUNNING);
	begin(FRAME_CHECK, 0);
	CHECK(!finish(-EBADMSG));
}

static void test_losses(void)
{
	struct process *process;

	fresh();
	begin(FRAME_SNAPSHOT, FRAME_FULL);
	finish(0);
	builder.sequence += 3;
	begin(FRAME_SNAPSHOT, 0);
	process = finish(0);
	CHECK_EQ(process->missing_frames, 3);
	begin(FRAME_SNAPSHOT, FRAME_POST_MORTEM);
	builder.sequence += 10; /* numbered by somebody else */
	process = finish(0);
	CHECK_EQ(process->missing_frames, 3);
	begin(FRAME_SNAPSHOT, FRAME_FULL);
	CHECK_EQ(finish(0)->missing_frames, 0);
}

static void test_samples(void)
{
	struct wire_sample sample = {0};
	struct process *process = model_process(&model, 1);
	bool rising = true;

	for (uint64_t i = 1; i <= 100000; i++) {
		sample.time_ns = i;
		CHECK_EQ(process_add_sample(process, &sample), 0);
	}
	CHECK(process->n_samples <= 16384 && process->n_samples > 8000);
	for (size_t i = 1; i < process->n_samples; i++)
		rising &= process->samples[i].time_ns > process->samples[i - 1].time_ns;
	CHECK(rising);
	CHECK_EQ(process->samples[0].time_ns, 1);
	CHECK_EQ(process->samples[process->n_samples - 1].time_ns, 100000);
	model_remove(&model, process);
	CHECK(!model_find(&model, 1));
}

static void test_buffer(void)
{
	size_t whole;

	fresh();
	kept_clear(&kept);
	for (unsigned i = 0; i < 3; i++) {
		begin(FRAME_SNAPSHOT, 0);
		frame_record(&builder, WIRE_AGENT, sizeof(struct wire_agent));
		frame_end(&builder, 0);
	}
	whole = kept.length;
	CHECK_EQ(decode_buffer(&model, kept.data, whole), whole);
	CHECK_EQ(decode_buffer(&model, kept.data, whole - 1), whole / 3 * 2);
	CHECK_EQ(decode_buffer(&model, kept.data, 10), 0);
	CHECK_EQ(decode_buffer(&model, kept.data + 8, whole - 8), 0);
}

int main(void)
{
	model_init(&model);
	test_hello();
	test_snapshot();
	test_sampled();
	test_ids();
	test_values();
	test_losses();
	test_samples();
	test_buffer();
	model_fini(&model);
	kept_clear(&kept);
	return check_result();
}
