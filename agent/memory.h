/*
 * The agent's own memory: anonymous mappings, never the host's heap.
 *
 * memory_take() bumps through chunks and never gives back; what is sized to need and replaced when
 * it grows (tables) uses memory_map(). Both count into the agent's reported memory.
 *
 * Context: any; async-signal-safe; NULL when the system has no memory: the caller drops and counts.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *memory_take(size_t size); /* zeroed, 64-byte aligned; size up to 1 MB */
void *memory_map(size_t size);	/* zeroed, page aligned */
void memory_unmap(void *p, size_t size);
/*
 * The same, at a multiple of HUGE_PAGE; its first `huge` bytes in huge pages where the kernel has them: then each is
 * real as soon as something in it is. NULL in a sandbox too.
 */
#define HUGE_PAGE (UINT64_C(1) << 21)
void *memory_map_huge(size_t size, size_t huge);

/* An array that grows; zeroed to begin. */
struct memory_array {
	void *base;
	uint32_t room; /* elements */
};
/*
 * Makes room for n elements: what is there stays, the rest is zero. False: no memory, all is as it was. One thread at a
 * time; a child that another forks meanwhile finds the array as it was, or as it is to be.
 */
bool memory_room(struct memory_array *array, uint32_t n, size_t size);
/*
 * Sets address space aside for a host that is about to enter a sandbox, where mmap may be its end: memory comes from
 * there then, and is not given back. Once. Context: the thread that enters it.
 */
void memory_ahead(size_t size);
/* Bytes of address space taken so far by both; the sampler reports what of it is real. */
uint64_t memory_total(void);
