/*
 * Rules -- how to step from one frame to its caller, by return address.
 *
 * A rule says from which register the frame's CFA is counted and where the caller's rbp is saved;
 * the return address is at CFA-8. It is learned once per return address from libunwind
 * (agent/unwind.h) and kept in a global table that is read without a lock. With it a step is
 * three loads, and unwinding becomes a pure function of a few registers and stack words.
 */
#pragma once
#include "agent/compiler.h"

enum rule_kind {
	RULE_NONE = 0, /* not learned */
	RULE_SP,       /* CFA = sp + cfa */
	RULE_BP,       /* CFA = rbp + cfa */
	RULE_END,      /* the outermost frame */
	RULE_UNKNOWN,  /* no unwind information: the stack is incomplete from here */
};

struct rule {
	uintptr_t pc;	     /* return address; 0: free; published last */
	uint64_t frame;	     /* as in region_callsite: module and address as linked */
	int32_t cfa;	     /* bytes added to the base register */
	int16_t saved_bp;    /* of the caller's rbp, bytes from CFA; 0: rbp is unchanged */
	uint8_t kind;	     /* enum rule_kind */
	uint8_t from_loader; /* the code belongs to the dynamic loader */
	uint64_t reserved;
};

#define RULE_FORGOTTEN 1u /* a pc that ends no probe and is nobody's */

/* Open addressing, linear probing; a free slot has pc 0. Never moved; a larger one takes its place. */
struct rule_table {
	uint32_t mask, used;
	struct rule slots[];
};
extern struct rule_table *rule_table guard_hidden; /* atomic; NULL before the first rule */

guard_inline uint32_t rule_hash(uintptr_t pc)
{
	return (uint32_t)((pc * UINT64_C(0x9e3779b97f4a7c15)) >> 32);
}

/* The rule of this return address, or NULL when it has not been learned. Context: any; lock-free. */
guard_inline const struct rule *rule_find(uintptr_t pc)
{
	struct rule_table *t = __atomic_load_n(&rule_table, __ATOMIC_ACQUIRE);
	uintptr_t here;

	if (unlikely(!t))
		return NULL;
	for (uint32_t i = rule_hash(pc);; i++) {
		here = __atomic_load_n(&t->slots[i & t->mask].pc, __ATOMIC_ACQUIRE);
		if (likely(here == pc))
			return likely(pc > RULE_FORGOTTEN) ? &t->slots[i & t->mask] : NULL;
		if (!here)
			return NULL;
	}
}

/*
 * Learns it, with the lock that all cold work shares. NULL when the lock could not be had in
 * bounded time or there is no memory. Context: any, with thread.busy set. Blocks signals meanwhile
 * unless the process is sandboxed.
 */
const struct rule *rule_learn(uintptr_t pc);

/* Forgets the rules of [start, end): a module was unloaded. Context: holding rule_lock(). */
void rule_forget(uintptr_t start, uintptr_t end);

/* The lock of all cold work: learning rules, the list of modules. Bounded; false: not had. */
struct rule_guard {
	uint64_t signals;
	bool blocked; /* a sandbox may begin meanwhile */
};
bool rule_lock(struct rule_guard *guard);
void rule_unlock(const struct rule_guard *guard);
/* In a forked child: whoever held it is not there any more. */
void rule_postfork_child(void);
