/*
 * Dormancy -- where the agent only passes through, and how it says so.
 *
 * Somebody else answers malloc before us (an allocator in the executable or in a library that comes first, a
 * sanitizer) or in our place (a valgrind tool), so what we counted would be wrong; or the host is privileged.
 */
#pragma once
#include "protocol/wire.h"

/* Why the agent has to stay out of this process; DORMANT_NO: it need not. Context: any, before there is a second
 * thread; dlsym alone. */
enum dormant_reason dormant_reason(void);

/*
 * Tells an analyzer that listens now, with a HELLO and nothing else; the connection does not stay. The
 * functions of libc that this takes may be a sanitizer's, which has to be ready. Context: constructor.
 */
void dormant_tell(enum dormant_reason reason);
