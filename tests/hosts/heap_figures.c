/*
 * What the C library says of its heap (hazard 45): mallinfo2 of a fixed sequence of requests, relative to its state
 * when main begins; malloc_trim, mallopt, where blocks lie to each other. Equal: all of it; the agent's memory is not
 * the host's heap.
 */
#include "host.h"
#include <malloc.h>

static void *blocks[3000];
static struct mallinfo2 first;

static void tell(const char *when)
{
	struct mallinfo2 now = mallinfo2();

	say("%s: used %zd, mapped %zd in %zd\n", when, (ssize_t)(now.uordblks - first.uordblks),
	    (ssize_t)(now.hblkhd - first.hblkhd), (ssize_t)(now.hblks - first.hblks));
}

int main(void)
{
	uintptr_t distance = 0;

	churn(1);
	first = mallinfo2();
	for (size_t i = 0; i < COUNT(blocks); i++)
		blocks[i] = malloc(i * 7);
	tell("allocated");
	for (size_t i = 1000; i < COUNT(blocks); i++)
		distance = distance * 31 + ((uintptr_t)blocks[i] - (uintptr_t)blocks[i - 1]);
	say("distances %lx\n", (unsigned long)distance);
	for (size_t i = 0; i < COUNT(blocks); i += 2)
		free(blocks[i]);
	tell("half of it freed");
	blocks[0] = malloc(3 << 20);
	tell("a large one");
	mallopt(M_MMAP_THRESHOLD, 4096);
	blocks[2] = malloc(5000);
	tell("and one mapped by mallopt");
	say("trim: %d\n", malloc_trim(0));
	tell("trimmed");
	return 0;
}
