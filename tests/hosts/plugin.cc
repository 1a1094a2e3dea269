/*
 * What the host of plugins loads: its constructor and destructor allocate, its function throws and catches.
 */
#include <stdexcept>
#include <stdlib.h>
#include <string>

static void *block;

__attribute__((constructor)) static void begin()
{
	block = malloc(300);
	for (size_t i = 1; i < 30; i++)
		free(malloc(i * 10));
}

__attribute__((destructor)) static void end()
{
	free(block);
}

extern "C" int plugin_work(int n)
{
	try {
		if (n % 2)
			throw std::runtime_error(std::string(60, 'y'));
	} catch (std::exception &e) {
		return (int)std::string(e.what()).size();
	}
	return 60;
}
