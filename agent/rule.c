/*
 * The table of rules. See rule.h.
 *
 * Open addressing, linear probing; written under the lock, read without. A table is never freed:
 * when it grows the old one stays for those who still read it, which sums to less than the new one.
 */
#include "agent/rule.h"
#include "agent/memory.h"
#include "agent/modules.h"
#include "agent/process.h"
#include "agent/sys.h"
#include "agent/unwind.h"
#include <string.h>

#define FIRST_SLOTS 1024u
#define SPINS 2000
#define YIELDS 20000 /* about a tenth of a second */

struct rule_table *rule_table;
static int lock;

bool rule_lock(struct rule_guard *guard)
{
	for (int i = 0; i < SPINS + YIELDS; i++) {
		if (!__atomic_load_n(&lock, __ATOMIC_RELAXED)) {
			guard->blocked = !process_sandbox;
			if (guard->blocked)
				sys_signals_block(&guard->signals);
			if (!__atomic_exchange_n(&lock, 1, __ATOMIC_ACQUIRE))
				return true;
			if (guard->blocked)
				sys_signals_restore(&guard->signals);
		}
		if (i < SPINS || process_sandbox)
			cpu_relax();
		else
			sys3(SYS_sched_yield, 0, 0, 0);
	}
	return false;
}

void rule_unlock(const struct rule_guard *guard)
{
	__atomic_store_n(&lock, 0, __ATOMIC_RELEASE);
	if (guard->blocked)
		sys_signals_restore(&guard->signals);
}

void rule_postfork_child(void)
{
	lock = 0;
}

static struct rule *table_put(struct rule_table *t, const struct rule *rule)
{
	uint32_t i = rule_hash(rule->pc);
	struct rule *slot;

	while (t->slots[i & t->mask].pc)
		i++;
	slot = &t->slots[i & t->mask];
	/* Whole before it can be found: pc, which others look at meanwhile, comes last. */
	memcpy((char *)slot + sizeof(slot->pc), (const char *)rule + sizeof(rule->pc),
	       sizeof(*rule) - sizeof(rule->pc));
	__atomic_store_n(&slot->pc, rule->pc, __ATOMIC_RELEASE);
	t->used++;
	return slot;
}

/* A table with room for one more. */
static struct rule_table *table_room(void)
{
	struct rule_table *old = rule_table, *t;
	uint32_t slots = old ? old->mask + 1 : 0;

	if (old && old->used < slots / 2)
		return old;
	slots = slots ? slots * 2 : FIRST_SLOTS;
	t = memory_map(sizeof(*t) + slots * sizeof(t->slots[0]));
	if (!t)
		return old && old->used < old->mask ? old : NULL;
	t->mask = slots - 1;
	for (uint32_t i = 0; old && i <= old->mask; i++)
		if (old->slots[i].pc > RULE_FORGOTTEN)
			table_put(t, &old->slots[i]);
	__atomic_store_n(&rule_table, t, __ATOMIC_RELEASE);
	return t;
}

static const struct rule *learn_locked(uintptr_t pc)
{
	const struct rule *known = rule_find(pc);
	struct rule rule = {.pc = pc};
	const struct module *module;
	struct rule_table *t;

	if (known)
		return known;
	t = table_room();
	if (!t)
		return NULL;
	module = module_at(pc);
	if (module) {
		rule.frame = module_frame(module, pc);
		rule.from_loader = module->is_loader;
		unwind_learn(&rule, module);
	} else {
		rule.frame = pc & FRAME_OFFSET_MASK;
		rule.kind = RULE_UNKNOWN;
	}
	return table_put(t, &rule);
}

const struct rule *rule_learn(uintptr_t pc)
{
	const struct rule *rule;
	struct rule_guard guard;

	if (pc <= RULE_FORGOTTEN || !rule_lock(&guard))
		return NULL;
	rule = learn_locked(pc);
	rule_unlock(&guard);
	return rule;
}

void rule_forget(uintptr_t start, uintptr_t end)
{
	struct rule_table *t = rule_table;

	for (uint32_t i = 0; t && i <= t->mask; i++)
		if (t->slots[i].pc > RULE_FORGOTTEN && t->slots[i].pc >= start && t->slots[i].pc < end)
			__atomic_store_n(&t->slots[i].pc, RULE_FORGOTTEN, __ATOMIC_RELEASE);
}
