/*
 * arguments: auditor
 * A program that is audited by LD_AUDIT (hazard 13): the auditor lives in a namespace with a C library of its own
 * and hears of every object and symbol; it allocates each time, and puts its own sine in place of libm's.
 * Equal: that it works, and the end.
 */
#include "host.h"
#include <dlfcn.h>

int main(int argc, char **argv)
{
	double (*sine)(double);
	void *handle;

	if (argc == 2) {
		churn(10);
		setenv("LD_AUDIT", argv[1], 1);
		execl("/proc/self/exe", argv[0], "again", "under audit", (char *)NULL);
		return SKIP;
	}
	for (size_t i = 0; i < 1000; i++)
		churn(i * 8);
	handle = dlopen("libm.so.6", RTLD_NOW);
	*(void **)&sine = handle ? dlsym(handle, "sin") : NULL;
	if (!sine || sine(0) != 42)
		return 99; /* not audited */
	dlclose(handle);
	say("audited\n");
	churn_for(50);
	return 9;
}
