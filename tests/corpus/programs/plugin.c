/*
 * The plugin of closed_plugin and open_close: an allocation from a module that is gone when it is looked at.
 */
#include <stdlib.h>
#include <string.h>

void *plugin_work(size_t bytes);

__attribute__((noinline)) void *plugin_work(size_t bytes)
{
	void *memory = malloc(bytes);

	if (memory)
		memset(memory, 1, bytes);
	__asm__ volatile("" : : "r"(memory) : "memory");
	return memory;
}
