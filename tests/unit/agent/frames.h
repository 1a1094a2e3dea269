/*
 * Frames -- functions of every shape that a stack can have, each compiled with frame pointers and without.
 *
 * Each calls look(context) at its end, which sees the stack as a hook does: CALLER_FRAME.
 */
#pragma once
#include <stdint.h>

/* The caller of the function this stands in, as the exports of libguard.so say it. */
#define CALLER_FRAME                                                                                                   \
	((struct frame){(uintptr_t)__builtin_frame_address(0) + 16, (uintptr_t)__builtin_return_address(0),            \
			*(const uintptr_t *)__builtin_frame_address(0)})

typedef void (*looking)(void *context);

struct frames {
	void (*plain)(looking look, void *context);
	void (*allocating)(looking look, void *context, unsigned n);	/* n bytes of alloca */
	void (*variable)(looking look, void *context, unsigned n);	/* an array of n */
	void (*recursive)(looking look, void *context, unsigned depth); /* this many frames */
	void (*branching)(looking look, void *context,
			  unsigned path);		   /* a call from another place for each bit of path */
	void (*ending)(looking look, void *context);	   /* its last instruction is the call: no return */
	void (*through_libc)(looking look, void *context); /* called by qsort */
};

extern const struct frames frames_keep, frames_omit;
