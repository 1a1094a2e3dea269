/*
 * new that cannot be served throws bad_alloc, nothrow new gives null, a new_handler is called (hazards 49, 51).
 * Equal: all that.
 */
#include <new>
#include <stdio.h>
#include <sys/resource.h>
#include <vector>

static int handled;

static void handler()
{
	if (++handled == 3)
		std::set_new_handler(nullptr);
}

int main()
{
	struct rlimit limit = {512 << 20, 512 << 20};
	std::vector<char *> blocks;
	int thrown = 0;

	setrlimit(RLIMIT_AS, &limit);
	std::set_new_handler(handler);
	try {
		for (int i = 0; i < 100; i++)
			blocks.push_back(new char[64 << 20]);
	} catch (std::bad_alloc &) {
		thrown++;
	}
	printf("thrown %d, handled %d\n", thrown, handled);
	printf("nothrow: %s\n", new (std::nothrow) char[512 << 20] ? "memory" : "null");
	for (char *block : blocks)
		delete[] block;
	try {
		delete[] new char[8 << 20];
		printf("and now it is there\n");
	} catch (std::bad_alloc &) {
		printf("and now it is not\n");
	}
	return 0;
}
