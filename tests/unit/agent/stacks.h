/*
 * Stacks -- made in memory, as a hook would find them: rules of real code say which words lie where.
 */
#pragma once
#include "agent/rule.h"
#include "agent/stack.h"
#include "agent/unwind.h"
#include "tests/unit/agent/agent.h"
#include "tests/unit/agent/frames.h"

#define MEGABYTE (UINT64_C(1) << 20)
#define WORDS 32768u
#define RULES 520u
#define BP_RULES 8u

static uint64_t area[WORDS] __attribute__((aligned(4096)));
static const struct rule *rules[RULES], *bp_rules[BP_RULES];
static unsigned n_bp_rules;
static struct region_cell cell;
static uint64_t agent_depth = 64;

/* Rules of the C library's code whose CFA is counted from sp, and some from rbp. */
static void find_rules(void)
{
	uintptr_t pc = (uintptr_t)&qsort - 200000;
	unsigned n = 0;

	for (; n < RULES || n_bp_rules < BP_RULES; pc += n < RULES ? 11 : 101) {
		const struct rule *rule = rule_learn(pc);

		if (rule->kind == RULE_SP && rule->cfa >= 16 && rule->cfa <= 128 && !rule->saved_bp && n < RULES)
			rules[n++] = rule;
		if (rule->kind == RULE_BP && rule->saved_bp == -16 && n_bp_rules < BP_RULES)
			bp_rules[n_bp_rules++] = rule;
	}
}

static __attribute__((noinline)) void enter(void)
{
	struct frame frame = CALLER_FRAME;
	uint32_t was;

	CHECK(thread_enter(&frame, &was));
}

/* All the rest happens as if in a hook, on the stack made here. */
static void begin(void)
{
	agent_begin(64 * MEGABYTE);
	options.depth = agent_depth;
	CHECK(unwind_init());
	find_rules();
	enter();
	thread.stack_low = (uintptr_t)area;
	thread.stack_high = (uintptr_t)(area + WORDS);
}

static uint64_t *at(uintptr_t address)
{
	return (uint64_t *)address;
}

/* Writes a stack: the hook's frame at sp, then the callers by these rules; 0 ends it. The end of it. */
__attribute__((unused)) static uintptr_t build(uintptr_t sp, const struct rule *const *callers, unsigned n)
{
	uintptr_t cfa = sp;

	at(sp)[-2] = 0; /* rbp, which nobody uses */
	at(sp)[-1] = callers[0]->pc;
	for (unsigned i = 0; i < n; i++) {
		cfa += (uintptr_t)callers[i]->cfa;
		at(cfa)[-1] = i + 1 < n ? callers[i + 1]->pc : 0;
	}
	return cfa;
}

static struct backtrace step(uintptr_t sp)
{
	struct frame f = frame_of(sp);

	return *stack_unwind(thread.shard, &f, false);
}

/* As an allocation does. */
static const struct stack_entry *look(uintptr_t sp)
{
	const struct stack_entry *e = stack_lookup(thread.shard, sp);

	thread.shard->countdown--;
	if (!e && thread_stack_has(sp))
		e = stack_lookup_again(thread.shard, sp);
	return e ? e : stack_lookup_carefully(thread.shard, sp);
}

static void remember(uintptr_t sp, uint64_t word)
{
	struct backtrace b = step(sp);

	stack_remember(thread.shard, sp, &b, word, &cell);
}

/* The word that is found, after remembering it if need be; what is found must be right. */
__attribute__((unused)) static bool meet(uintptr_t sp, uint64_t word)
{
	const struct stack_entry *e = look(sp);

	if (!e)
		remember(sp, word);
	else if (e->word != word || e->cell != &cell)
		CHECK(!"what is found is right");
	return e != NULL;
}
