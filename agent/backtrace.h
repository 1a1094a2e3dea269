/*
 * Backtraces -- unwinding a stack by rules (rule.h), and the words that the result depends on.
 *
 * A step costs some 20 instructions. Most stacks share their upper part with the one that was unwound
 * before them: from the frame where the two meet with the same registers, what follows is the same
 * as long as the words it was read from still hold, and checking a word is cheaper than a step. So a
 * deep recursion costs the few frames that are new, and 5 instructions for each of the others.
 *
 * Words are counted from the frame of the hook: there the compiler has put the caller's rbp (place 0) and
 * the return address (place 1), and above them is the caller's stack. So the caller's registers are
 * words like all others.
 */
#pragma once
#include "agent/compiler.h"

#define STACK_WORD_SHIFT 48 /* of a word: its place above the base in 8 bytes, and below its value */
#define STACK_VALUE_MASK ((UINT64_C(1) << STACK_WORD_SHIFT) - 1)
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

/* A frame's registers, where its bp was read from, and how many words were read to know them. */
struct step {
	uintptr_t sp, pc, bp, bp_from;
	uint64_t n_words;
};

struct backtrace {
	uint64_t *frames, *words; /* room for option depth, and twice that and 2 more */
	struct step *steps;	  /* by frame; NULL: cannot be resumed later */
	uint32_t n_frames, n_words;
	uint32_t flags; /* enum stack_flags */
	bool careful;	/* the stack's bounds are not known */
	bool cacheable; /* all words fit and all rules were there */
	bool from_loader;
	uintptr_t sp;
	uintptr_t probed; /* page found readable, where careful */
};

/*
 * Unwinds the stack of *f into *b, whose arrays are set and whose counts are zero. `learn`: unknown return
 * addresses may be asked of libunwind. previous: the backtrace of an earlier stack of this thread, with
 * steps, or NULL. Context: thread_enter().
 */
void backtrace_unwind(struct backtrace *b, const struct frame *f, bool learn, const struct backtrace *previous);
