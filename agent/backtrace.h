/*
 * Backtraces -- unwinding a stack by rules (rule.h), from where it meets the thread's last one.
 *
 * The frames of the last stack are kept, leaf first, with their registers. A new stack is stepped from
 * its leaf until it comes to a frame that has the same registers as one of the kept ones. From there
 * on it is the same stack as far as the same words still stand on it: each return address, and each
 * saved rbp from which a CFA is counted. Those are compared in place, four instructions a frame, and
 * nothing of them is copied or hashed again: a frame's hash is that of all frames from it to the root,
 * and from two of them follows the hash of what lies between. So a deep recursion costs the few frames
 * that are new, some 60 instructions each, and 5 for each of the others.
 *
 * Words are counted from the frame of the hook: there the compiler has put the caller's rbp (place 0) and
 * the return address (place 1), and above them is the caller's stack. So the caller's registers are
 * words like all others.
 */
#pragma once
#include "agent/compiler.h"

#define STACK_BASE 16u

/* The caller of an interposed function: where it returns to, and its registers there. */
struct frame {
	uintptr_t sp, ra, bp;
};

guard_inline struct frame frame_of(uintptr_t sp)
{
	const uintptr_t *base = (const uintptr_t *)(sp - STACK_BASE);

	return (struct frame){sp, base[1], base[0]};
}

enum frame_notes {
	USES_BP = 1,  /* its CFA is counted from rbp */
	SAVES_BP = 2, /* its caller's rbp is read from the stack */
	BP_LIVE = 4,  /* its rbp is used, here or by a caller that has the same one */
	IS_LAST = 8,  /* the rule says that it has no caller */
	OF_LOADER = 16,
};

/* A frame's registers, where its bp was read from, and what its rule says. */
struct step {
	uintptr_t sp, pc, bp, bp_from;
	uint64_t frame;
	uint64_t notes; /* enum frame_notes */
};

/*
 * Frames [first, end) of arrays of `room` are kept. bp and bp_from may be out of date unless the frame is BP_LIVE. A
 * stack that is being unwound is in steps[] until it is known where it meets them.
 */
struct backtrace {
	/* The result, good until the next. */
	const uint64_t *frames;
	uint64_t hash; /* callsite_hash_...() of the frames */
	uint32_t n_frames;
	uint32_t flags; /* enum stack_flags */
	bool careful;	/* the stack's bounds are not known */
	bool cacheable; /* all rules were there */
	bool from_loader;
	/* What is kept. */
	bool usable; /* and whole */
	bool closed; /* the last frame is the stack's last */
	uint32_t closed_flags;
	uintptr_t zero_at; /* of the closing zero, or 0: a rule closed it */
	uint32_t room, first, end;
	uint32_t kept; /* frames from this on are the same ones as when entry.c last set it */
	uintptr_t *sp, *pc, *bp, *bp_from;
	uint64_t *frame, *hashes;
	uint8_t *notes;
	struct step *steps; /* option depth of them */
	uintptr_t leaf_sp;
	uintptr_t probed; /* page found readable, where careful */
};

/* Memory for it. kept: room for what the next one may go on from. False: no memory. */
bool backtrace_init(struct backtrace *b, bool kept);

/* Keeps nothing: the rules have changed, or the thread. */
void backtrace_forget(struct backtrace *b);

/*
 * Unwinds the stack of *f. `learn`: unknown return addresses may be asked of libunwind.
 * Context: thread_enter(); one at a time: a signal handler has one of its own.
 */
void backtrace_unwind(struct backtrace *b, const struct frame *f, bool learn);
