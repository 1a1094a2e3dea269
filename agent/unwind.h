/*
 * Unwinding -- libunwind, asked for rules instead of backtraces.
 *
 * libunwind's remote interface is given a frame of made-up registers: sp and rbp in ranges of
 * their own where no memory is. The CFA it computes says which register it came from, and where
 * it finds the return address and rbp says where those are saved. Our accessors read nothing but
 * the module's own unwind tables, bounds-checked. So none of its memory validation (a pipe), its
 * dl_iterate_phdr and its exported symbols ever take part.
 *
 * It is asked where our own reader of unwind tables (cfi.h) does not understand them, and in tests for each
 * address. It is loaded with dlopen(RTLD_LOCAL); without it every stack has one frame.
 */
#pragma once
#include "agent/modules.h"
#include "agent/rule.h"

/* Loads libunwind. False: not there. Context: init, with thread.busy set (dlopen allocates). */
bool unwind_init(void);

/*
 * Fills kind, cfa and saved_bp of rule->pc: as the module's tables say (cfi.h), else as libunwind does. Without
 * libunwind every rule is unknown. Context: holding rule_lock().
 */
void unwind_learn(struct rule *rule, const struct module *module);

/* The same as libunwind says; unknown in a sandbox, where it may not be asked. Runs on a stack of its own. */
void unwind_ask(struct rule *rule, const struct module *module);
