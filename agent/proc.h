/*
 * What the kernel and the C library say of this process: /proc, the cgroup, mallinfo2.
 *
 * Files are opened, read and closed with raw system calls; nothing stays open. Context: the sampler
 * thread, the constructor, or the exiting thread.
 */
#pragma once
#include "protocol/wire.h"
#include <stdbool.h>

/* Finds the cgroup's files, and mallinfo2 when the heap is the C library's. Context: init. */
void proc_init(bool libc_heap);
/*
 * Fills the figures of memory and threads; time, live counts and the agent's own are the caller's.
 * ask_heap: ask the C library too, which takes its locks; else its last figures.
 */
void proc_sample(struct wire_sample *sample, bool ask_heap);
/* Threads left after the main thread has ended (pthread_exit in main), ours included; 0: it has not. */
unsigned proc_threads_after_main(void);
/* CLOCK_MONOTONIC and CLOCK_REALTIME, ns. Context: any. */
uint64_t proc_monotonic(void);
uint64_t proc_realtime(void);
/* CPU time of the calling thread, ns. */
uint64_t proc_thread_cpu(void);
