/*
 * Tests of protocol/snapshot: the first one tells all, the next only what is new, what was not
 * ready or not taken comes later, and nothing comes that does not make sense.
 */
#include "protocol/snapshot.h"
#include "tests/unit/check.h"
#include "tests/unit/image.h"

#define N_SUMS 3000

static _Alignas(8) unsigned char buffer[FRAME_MAX];
static struct frame_builder builder;
static struct kept kept;
static struct image image;
static struct region_header *header;
static struct region_cell sums[N_SUMS], told[N_SUMS];
static struct snapshot_state state;

/* What a snapshot said, by kind. */
static struct {
	unsigned agents, options, verdicts, ends, modules, stacks, samples, counts, callsite_verdicts, mappings,
		evidence, detectors, others, full, last;
	uint32_t first_stack, first_count;
	uint64_t last_sample;
	bool rising;
} said;

static void listen(void)
{
	struct position p = {0};
	const struct wire_record *r;
	const struct wire_sample *samples;
	uint32_t i;

	memset(&said, 0, sizeof(said));
	said.rising = true;
	while ((r = kept_next(&kept, &p))) {
		said.agents += r->kind == WIRE_AGENT;
		said.verdicts += r->kind == WIRE_VERDICT;
		said.ends += r->kind == WIRE_END;
		said.modules += r->kind == WIRE_MODULE;
		if (r->kind == WIRE_STACK && !said.stacks++)
			said.first_stack = ((const struct wire_stack *)(r + 1))->callsite;
		if (r->kind == WIRE_COUNTS && !said.counts)
			said.first_count = ((const struct wire_counts *)(r + 1))->callsite;
		if (r->kind == WIRE_COUNTS)
			said.counts += record_size(r) / sizeof(struct wire_counts);
		if (r->kind == WIRE_CALLSITE_VERDICT)
			said.callsite_verdicts += record_size(r) / sizeof(struct wire_callsite_verdict);
		if (r->kind == WIRE_EVIDENCE)
			said.evidence += record_size(r) / sizeof(struct wire_evidence);
		said.detectors += r->kind == WIRE_DETECTOR;
		if (r->kind == WIRE_MAPPINGS)
			said.mappings += record_size(r) / sizeof(struct wire_mapping);
		samples = (const struct wire_sample *)(r + 1);
		for (i = 0; r->kind == WIRE_SAMPLE && i < record_size(r) / sizeof(*samples); i++) {
			said.rising &= said.samples++ == 0 || samples[i].time_ns > said.last_sample;
			said.last_sample = samples[i].time_ns;
		}
		said.options += r->kind == WIRE_TEXT;
		said.others += (r->kind > WIRE_END && r->kind < WIRE_EVIDENCE && r->kind != WIRE_TEXT) ||
			       r->kind > WIRE_MAPPINGS || r->kind == WIRE_PROCESS;
	}
	CHECK(!p.malformed);
	CHECK_EQ(p.offset, kept.length);
	CHECK_EQ(said.others, 0);
	said.full = ((const struct wire_header *)kept.data)->flags & FRAME_FULL;
	said.last = p.frame->flags & FRAME_LAST;
}

static bool encode(uint16_t type, uint16_t flags, unsigned refuse_at)
{
	struct region_view view = image_view(&image);
	bool good;

	kept_clear(&kept);
	kept.refuse_at = refuse_at;
	frame_init(&builder, buffer, header->stream, keep, &kept);
	good = snapshot_encode(&builder, &view, type, flags, sums, N_SUMS, &state);
	if (good)
		listen();
	return good;
}

static void begin(void)
{
	uint32_t i;

	free(image.base);
	image = image_new(REGION_HEADER_SIZE + (1 << 20));
	header = image_header(&image);
	memset(sums, 0, sizeof(sums));
	memset(told, 0, sizeof(told));
	state = (struct snapshot_state){.told = told, .n_told = N_SUMS};
	image_module(&image, 1, "/bin/a");
	for (i = 1; i <= 100; i++) {
		image_callsite(&image, i, 10);
		sums[i] = (struct region_cell){i, 10 * i, 0, 0};
	}
	image_module(&image, 2, "/lib/b.so");
	for (i = 0; i < 5; i++)
		header->history[header->n_history++] = (struct wire_sample){.time_ns = 1000 * i, .rss = i};
}

static struct wire_evidence *evidence(uint32_t callsite)
{
	struct region_evidence *record = image_add(&image, REGION_EVIDENCE, sizeof(*record));

	record->evidence.callsite = callsite;
	return &record->evidence;
}

static void test_full_then_new(void)
{
	begin();
	CHECK(encode(FRAME_SNAPSHOT, 0, 0));
	CHECK_EQ(said.full, FRAME_FULL);
	CHECK_EQ(said.last, FRAME_LAST);
	CHECK(said.agents == 1 && said.options == 1 && said.verdicts == 1 && said.detectors == 1 && said.ends == 0);
	CHECK(said.modules == 2 && said.stacks == 100 && said.samples == 5 && said.counts == 100);
	CHECK_EQ(said.callsite_verdicts + said.mappings, 0);

	CHECK(encode(FRAME_SNAPSHOT, 0, 0));
	CHECK_EQ(said.full, 0);
	CHECK(said.agents == 1 && said.verdicts == 1);
	CHECK(said.modules == 0 && said.stacks == 0 && said.samples == 0 && said.counts == 0);

	image_callsite(&image, 101, 3)->state = VERDICT_LEAK;
	evidence(101)->finding = 7;
	evidence(0)->finding = 8; /* of no callsite */
	sums[7].freed_bytes++;
	header->history[header->n_history++].time_ns = 9000;
	header->end = (struct wire_end){END_EXIT, 3, 0, 0, 12345};
	CHECK(encode(FRAME_FINAL, 0, 0));
	CHECK(said.stacks == 1 && said.first_stack == 101);
	CHECK(said.counts == 1 && said.first_count == 7);
	CHECK(said.samples == 1 && said.last_sample == 9000);
	CHECK_EQ(said.ends, 1);
	CHECK_EQ(((struct wire_header *)kept.data)->type, FRAME_FINAL);
	CHECK_EQ(said.callsite_verdicts + said.evidence, 0); /* no evaluation has said them */

	header->n_evaluations++;
	strcpy(header->mappings[0].name, "anonymous");
	memset(header->mappings[1].name, 'x', sizeof(header->mappings[1].name)); /* no end */
	CHECK(encode(FRAME_FINAL, 0, 0));
	CHECK(said.callsite_verdicts == 1 && said.evidence == 1 && said.mappings == 2);
	CHECK(encode(FRAME_FINAL, 0, 0));
	CHECK_EQ(said.callsite_verdicts + said.evidence, 0);
	state.record_offset = 0;
	CHECK(encode(FRAME_FINAL, 0, 0));
	CHECK(said.full && said.callsite_verdicts == 1 && said.evidence == 1);
}

static void test_values(void)
{
	struct position p = {0};
	const struct wire_record *r;
	const struct wire_counts *counts = NULL;
	const struct wire_stack *stack = NULL;
	const struct wire_module *module = NULL;
	const struct wire_callsite_verdict *verdict = NULL;

	begin();
	sums[1] = (struct region_cell){1, 2, 3, 4};
	*image_callsite(&image, 200, 0) = (struct region_callsite){
		{REGION_CALLSITE, 64}, 200, 0, STACK_CUT, 0, 0.9, 5e6, 0.99, VERDICT_STABLE, 0, 0};
	encode(FRAME_SNAPSHOT, 0, 0);
	while ((r = kept_next(&kept, &p))) {
		if (r->kind == WIRE_COUNTS)
			counts = record_body(r, 40);
		if (r->kind == WIRE_STACK && !stack)
			stack = record_body(r, 88);
		if (r->kind == WIRE_MODULE)
			module = record_body(r, sizeof(*module) + 9);
		if (r->kind == WIRE_CALLSITE_VERDICT)
			verdict = record_body(r, sizeof(*verdict));
	}
	CHECK(counts->callsite == 1 && counts->allocated_blocks == 1 && counts->allocated_bytes == 2);
	CHECK(counts->freed_blocks == 3 && counts->freed_bytes == 4);
	CHECK(stack->callsite == 1 && stack->n_frames == 10 && ((const uint64_t *)(stack + 1))[9] == (1 << 16) + 9);
	CHECK(module->id == 2 && module->path_length == 9 && !memcmp(module + 1, "/lib/b.so", 9));
	CHECK(verdict->callsite == 200 && verdict->state == VERDICT_STABLE && verdict->score == 0.9);
	CHECK(verdict->growth_bytes_per_hour == 5e6 && verdict->r2 == 0.99);
}

static void test_what_is_not_ready_comes_later(void)
{
	struct region_callsite *late;

	begin();
	late = image_callsite(&image, 101, 2);
	image_callsite(&image, 102, 2);
	late->record.kind = REGION_PENDING;
	CHECK(encode(FRAME_SNAPSHOT, 0, 0));
	CHECK_EQ(said.stacks, 101);
	late->record.kind = REGION_CALLSITE;
	CHECK(encode(FRAME_SNAPSHOT, 0, 0));
	CHECK(said.stacks == 2 && said.first_stack == 101);
	image_add(&image, REGION_PENDING, 128);
	image_callsite(&image, 104, 2);
	CHECK(encode(FRAME_FINAL, FRAME_POST_MORTEM, 0)); /* nothing comes later */
	CHECK_EQ(said.stacks, 1);
	CHECK_EQ(state.record_offset, header->used);
}

static void test_refusal_makes_the_next_one_full(void)
{
	uint32_t i;

	begin();
	for (i = 1; i < N_SUMS; i++)
		sums[i].allocated_blocks = i;
	CHECK(encode(FRAME_SNAPSHOT, 0, 0));
	CHECK_EQ(said.counts, N_SUMS - 1);
	sums[5].freed_blocks++;
	CHECK(!encode(FRAME_SNAPSHOT, 0, 1));
	CHECK(state.record_offset == 0 && state.sample_time == 0 && state.told == told);
	CHECK(!encode(FRAME_SNAPSHOT, 0, 2)); /* a full one, refused half way */
	CHECK(encode(FRAME_SNAPSHOT, 0, 0));
	CHECK_EQ(said.full, FRAME_FULL);
	CHECK(said.stacks == 100 && said.counts == N_SUMS - 1 && said.samples == 5);
	CHECK(encode(FRAME_SNAPSHOT, 0, 0));
	CHECK(said.stacks == 0 && said.counts == 0 && said.samples == 0);
	state.told = NULL; /* no memory of what was told: all that is not zero */
	CHECK(encode(FRAME_SNAPSHOT, 0, 0));
	CHECK_EQ(said.counts, N_SUMS - 1);
	state.told = told;
	state.n_told = 10;
	CHECK(encode(FRAME_SNAPSHOT, 0, 0));
	CHECK_EQ(said.counts, N_SUMS - 10);
}

static void test_samples_out_of_order(void)
{
	begin();
	header->history_sequence = 7; /* its writer died while it changed them */
	header->history[2].time_ns = 50000;
	header->history[4].time_ns = UINT64_MAX;
	header->n_history = 5;
	CHECK(encode(FRAME_SNAPSHOT, 0, 0));
	CHECK(said.samples == 3 && said.rising && said.last_sample == 50000);
	begin();
	header->history_sequence = 7;
	header->n_history = UINT32_MAX;
	CHECK(encode(FRAME_SNAPSHOT, FRAME_POST_MORTEM, 0));
	CHECK(said.samples == 5 && said.rising);
}

static void test_huge_stacks_and_paths(void)
{
	struct region_callsite *callsite;
	struct region_module *module;
	struct position p = {0};
	const struct wire_record *r;
	unsigned n = 0;

	begin();
	callsite = image_callsite(&image, 300, 20000);
	module = image_add(&image, REGION_MODULE, 80000);
	module->module.path_length = 70000;
	CHECK(encode(FRAME_SNAPSHOT, 0, 0));
	CHECK(said.stacks == 101 && said.modules == 3);
	while ((r = kept_next(&kept, &p))) {
		const struct wire_stack *stack = record_body(r, sizeof(*stack));

		if (r->kind == WIRE_STACK && stack->callsite == callsite->id) {
			CHECK_EQ(stack->n_frames, (FRAME_MAX - 40 - sizeof(struct wire_sampling)) / 8);
			CHECK_EQ(stack->flags, STACK_CUT);
			n++;
		}
	}
	CHECK_EQ(n, 1);
}

/* What a sampled callsite's counts are stands behind its frames. */
static void test_sampled(void)
{
	struct wire_sampling sampling;
	struct region_callsite *callsite;
	struct position p = {0};
	const struct wire_record *r;
	unsigned n = 0;

	begin();
	callsite = image_callsite(&image, 300, 3);
	callsite->flags = STACK_SAMPLED;
	callsite->class = 77;
	callsite->sample_bytes = 4711;
	CHECK(encode(FRAME_SNAPSHOT, 0, 0));
	while ((r = kept_next(&kept, &p))) {
		const struct wire_stack *stack = record_body(r, sizeof(*stack));

		if (r->kind != WIRE_STACK || stack->callsite != 300)
			continue;
		CHECK_EQ(record_size(r), sizeof(*stack) + 3 * 8 + sizeof(sampling));
		memcpy(&sampling, (const char *)(stack + 1) + 3 * 8, sizeof(sampling));
		CHECK(sampling.class == 77 && sampling.sample_bytes == 4711 && stack->flags == STACK_SAMPLED);
		n++;
	}
	CHECK_EQ(n, 1);
}

static void test_hello(void)
{
	struct region_view view;
	struct position p = {0};
	const struct wire_process *process;
	const char *strings;

	begin();
	view = image_view(&image);
	header->process = (struct wire_process){1, 2, 33, 1, 0, WIRE_VERSION, 4, 2, 7, 5};
	memcpy(header->exe, "/exe", 4);
	memcpy(header->cwd, "/c", 2);
	memcpy(header->command, "exe\0arg", 7);
	memcpy(header->agent_version, "0.1.0", 5);
	memset(header->options, 'o', sizeof(header->options));
	kept_clear(&kept);
	frame_init(&builder, buffer, header->stream, keep, &kept);
	CHECK(snapshot_hello(&builder, &view));
	process = record_body(kept_next(&kept, &p), sizeof(*process) + 18);
	strings = (const char *)(process + 1);
	CHECK(p.frame->type == FRAME_HELLO && p.frame->stream == 42 && p.frame->flags == FRAME_LAST);
	CHECK_EQ(process->pid, 33);
	CHECK(!memcmp(strings, "/exe/cexe\0arg0.1.0", 18));
	CHECK_EQ(kept_next(&kept, &p)->kind, WIRE_AGENT);
	CHECK_EQ(record_size(kept_next(&kept, &p)), sizeof(header->options));
	CHECK(kept_next(&kept, &p) == NULL);

	header->process.exe_length = header->process.cwd_length = UINT32_MAX;
	header->process.command_length = header->process.version_length = 0xfffffff0;
	kept_clear(&kept);
	frame_init(&builder, buffer, header->stream, keep, &kept);
	CHECK(snapshot_hello(&builder, &view));
	memset(&p, 0, sizeof(p));
	process = record_body(kept_next(&kept, &p), sizeof(*process) + 1024 + 1024 + 4096 + 64);
	CHECK(process && process->exe_length == 1024 && process->command_length == 4096);

	view.size = REGION_HEADER_SIZE - 1;
	CHECK(!snapshot_hello(&builder, &view));
	CHECK(!snapshot_encode(&builder, &view, FRAME_SNAPSHOT, 0, sums, N_SUMS, &state));
}

int main(void)
{
	test_full_then_new();
	test_values();
	test_what_is_not_ready_comes_later();
	test_refusal_makes_the_next_one_full();
	test_samples_out_of_order();
	test_huge_stacks_and_paths();
	test_sampled();
	test_hello();
	kept_clear(&kept);
	free(image.base);
	return check_result();
}
