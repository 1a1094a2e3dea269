/*
 * exec -- each image of a process has a report of its own with its last counts; an exec that fails
 * ends nothing.
 *
 * case: chain        args=chain,4 exit=6 hows=exec,exec,exec,exec,exit
 * case: foreign      args=foreign exit=0 hows=exec,exit
 * case: failing      args=failing exit=3 hows=exit
 * case: threads      args=threads,2 exit=6 hows=exec,exec,exit
 * case: sampled      args=threads,3 exit=6 hows=exec,exec,exec,exit set=start_delay=0s set=interval=10ms
 */
#include "books.h"
#include <pthread.h>

BOOK(leak_in_image);
BOOK(leak_in_thread);

NOINLINE static void leak_in_image(int n)
{
	int i;

	for (i = 0; i <= n; i++)
		book_in(&book_leak_in_image, malloc(100 + n), 100 + n);
}

NOINLINE static void *leak_in_thread(void *told)
{
	book_in(&book_leak_in_thread, malloc(64), 64);
	__atomic_store_n((int *)told, 1, __ATOMIC_RELEASE);
	for (;;)
		pause();
	return NULL;
}

static void start_thread(void)
{
	static int told;
	pthread_t thread;

	if (pthread_create(&thread, NULL, leak_in_thread, &told))
		abort();
	while (!__atomic_load_n(&told, __ATOMIC_ACQUIRE))
		usleep(1000);
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "failing";
	int n = argc > 2 ? atoi(argv[2]) : 1;
	char number[12], *arguments[] = {argv[0], argc > 1 ? argv[1] : NULL, number, NULL};

	snprintf(number, sizeof(number), "%d", n - 1);
	leak_in_image(n);
	if (!strcmp(how, "threads"))
		start_thread();
	if (!strcmp(how, "failing")) {
		execl("/nonexistent/program", "program", (char *)NULL);
		leak_in_image(20);
		books_write();
		return 3;
	}
	books_write();
	if (!strcmp(how, "foreign"))
		execl("/bin/true", "true", (char *)NULL);
	if (n == 0)
		return 6;
	execv(argv[0], arguments);
	return 97;
}
