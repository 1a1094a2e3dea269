/*
 * Privileges -- the sampler thread makes way when the host changes what Linux keeps for each thread.
 *
 * Capabilities, and ids where they are set by bare system calls, are the calling thread's alone. libc's functions that
 * set ids then do it in all threads, and end the process when one of them may and another may not: a thread of ours
 * with older capabilities would be the host's death. So it ends before, and another starts later, from a thread of the
 * host's, with that one's privileges.
 */
#pragma once

/* These are about to be called. Cost: a comparison. Context: any. */
void privileges_prctl(int option);
void privileges_syscall(long number, long argument);
void privileges_capset(void);
