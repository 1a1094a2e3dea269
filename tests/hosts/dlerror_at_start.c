/*
 * The loader's message is the host's own (hazard 20): at the start there is none.
 * Equal: the output.
 */
#include "host.h"
#include <dlfcn.h>

static void *in_thread(void *unused)
{
	const char *message;

	churn(10);
	message = dlerror();
	say("in a thread: %s\n", message ? message : "none");
	return unused;
}

int main(void)
{
	const char *message = dlerror();
	pthread_t thread;

	say("at the start: %s\n", message ? message : "none");
	pthread_create(&thread, NULL, in_thread, NULL);
	pthread_join(thread, NULL);
	return 0;
}
