/*
 * environment: MALLOC_CHECK_=3 MALLOC_PERTURB_=165
 * allocators: libc_malloc_debug.so.0
 * glibc's debugging heap, which checks each block that it gets back (hazards 44, 50). Equal: that it has no complaint,
 * before the agent and behind it; and how it ends a program that frees twice.
 */
#include "host.h"
#include <malloc.h>

static void use(void)
{
	static char *blocks[500];

	for (size_t i = 0; i < COUNT(blocks); i++) {
		blocks[i] = i % 7 ? malloc(i * 9) : memalign(64, i * 9);
		memset(blocks[i], 1, i * 9);
	}
	for (size_t i = 0; i < COUNT(blocks); i++)
		blocks[i] = realloc(blocks[i], i * 5 + 1);
	for (size_t i = 0; i < COUNT(blocks); i++)
		free(blocks[i]);
}

int main(void)
{
	pid_t child;

	use();
	say("no complaint\n");
	if (!(child = fork())) {
		char *volatile p = malloc(100);

		close(2);
		free(p);
		free(p);
		_exit(0);
	}
	say_end("freed twice", child);
	return 2;
}
