/*
 * Giving back -- pages of the block map on which no block is left become free memory again.
 *
 * The map has words for every address that the heap ever had. Where an allocator moves on, or uses a page for larger
 * blocks than before, pages of zeros stay behind. They must not just be dropped: a thread may have been given a block
 * there and be about to write its word, and to learn of that would cost every allocation. So the kernel decides. An
 * empty page is declared to be of no use (MADV_FREE), looked at again, and then taken (MADV_PAGEOUT) unless something
 * was written to it since, which the processor itself notes. What the second look finds was written before, and is
 * written once more. So no store is lost, whenever it comes; but if the kernel, short of memory, takes the page on its
 * own between that declaration and the second look, a block that was made in the same moment counts as unknown when it
 * is freed.
 *
 * Of a huge page the kernel makes small ones again then, and is told not to make it whole again.
 *
 * Cost: hooks nothing; the sampler thread at most 0.2 % of a core. Kernels before 5.4 take the pages when they need
 * memory, not at once. Memory that the host has locked stays.
 */
#pragma once

/* Gives back what is empty now; ends early when *stop is set. Context: sampler thread. */
void giveback_run(const int *stop);
/* The same, no more often than its cost allows. Context: sampler thread. */
void giveback_regularly(const int *stop);
