/*
 * CFI -- rules read straight from a module's call frame information (.eh_frame, by its sorted .eh_frame_hdr).
 *
 * What compilers write for ordinary functions is understood here, in some 500 instructions a rule; whatever else there
 * is (expressions, signal frames, odd encodings) is left to libunwind, which takes 22,000. Both give the same rule, or
 * this one none. No system call, no allocation, little stack; each read is bounded by the module.
 *
 * Sources: DWARF 5, section 6.4; Linux Standard Base Core 5.0, sections 10.5 and 10.6.
 */
#pragma once
#include "agent/modules.h"
#include "agent/rule.h"

/* Fills kind, cfa and saved_bp of rule->pc. False: not understood, nothing is filled. Context: any; pure. */
bool cfi_learn(struct rule *rule, const struct module *module);
