/*
 * preload: dlsym_allocates
 * Look-ups of functions that allocate (hazards 19, 20). Equal: that it works, to the very last free.
 */
#include "host.h"
#include <dlfcn.h>

int main(void)
{
	for (size_t i = 0; i < 1000; i++)
		churn(i);
	say("a function: %d, none: %d\n", !!dlsym(RTLD_DEFAULT, "qsort"), !!dlsym(RTLD_DEFAULT, "no such function"));
	return 3;
}
