/*
 * Ways to end -- after each of them the report's last counts are the program's own.
 *
 * case: return       how=exit
 * case: exit         args=exit exit=7 how=exit
 * case: _exit        args=_exit exit=8 how=exit
 * case: _Exit        args=_Exit exit=10 how=exit
 * case: quick_exit   args=quick_exit exit=9 how=exit
 * case: exit_group   args=exit_group exit=11 how=exit
 * case: abort        args=abort signal=SIGABRT how=signal
 * case: segv         args=segv signal=SIGSEGV how=signal
 * case: kill         args=kill signal=SIGKILL how=signal final=post-mortem
 * case: term         args=term signal=SIGTERM how=signal
 * case: thread-exit  args=thread-exit exit=12 how=exit
 * case: kill-threads args=kill,threads signal=SIGKILL how=signal final=post-mortem
 * case: segv-threads args=segv,threads signal=SIGSEGV how=signal
 * case: main-exits   args=main-exits,threads exit=0 how=exit
 * case: sampled-_exit args=_exit exit=8 how=exit set=start_delay=0s set=interval=10ms
 * case: sampled-kill args=kill,threads signal=SIGKILL how=signal set=start_delay=0s set=interval=10ms
 * case: sampled-abort args=abort signal=SIGABRT how=signal set=start_delay=0s set=interval=10ms
 * case: sampled-group args=exit_group,threads exit=11 how=exit set=start_delay=0s set=interval=10ms
 */
#include "books.h"
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>

BOOK(leak_some);
BOOK(leak_in_thread);

static int ready, last_word;
static int *volatile nowhere = (int *)8;

NOINLINE static void leak_some(void)
{
	int i;

	for (i = 0; i < 50; i++) {
		void *p = book_in(&book_leak_some, malloc(100 + i), 100 + i);

		if (i % 5)
			continue;
		book_out(&book_leak_some, 100 + i);
		free(p);
	}
}

NOINLINE static void *leak_in_thread(void *unused)
{
	book_in(&book_leak_in_thread, malloc(64), 64);
	__atomic_fetch_add(&ready, 1, __ATOMIC_RELEASE);
	if (unused) {
		while (!__atomic_load_n(&last_word, __ATOMIC_ACQUIRE))
			usleep(1000);
		usleep(50000); /* main has called pthread_exit by now, most likely */
		book_in(&book_leak_in_thread, malloc(65), 65);
		books_write();
		return NULL;
	}
	for (;;)
		pause();
}

static void *exit_from_thread(void *unused)
{
	exit(12);
	return unused;
}

static void start_threads(void *role)
{
	pthread_t thread;
	int i, n = role ? 1 : 3;

	for (i = 0; i < n; i++)
		if (pthread_create(&thread, NULL, leak_in_thread, role))
			abort();
	while (__atomic_load_n(&ready, __ATOMIC_ACQUIRE) < n)
		usleep(1000);
}

static void end(const char *how)
{
	pthread_t thread;

	if (!strcmp(how, "exit"))
		exit(7);
	if (!strcmp(how, "_exit"))
		_exit(8);
	if (!strcmp(how, "_Exit"))
		_Exit(10);
	if (!strcmp(how, "quick_exit"))
		quick_exit(9);
	if (!strcmp(how, "exit_group"))
		syscall(SYS_exit_group, 11);
	if (!strcmp(how, "abort"))
		abort();
	if (!strcmp(how, "segv"))
		*nowhere = 1;
	if (!strcmp(how, "kill"))
		kill(getpid(), SIGKILL);
	if (!strcmp(how, "term"))
		raise(SIGTERM);
	if (!strcmp(how, "thread-exit")) {
		pthread_create(&thread, NULL, exit_from_thread, NULL);
		pthread_join(thread, NULL);
	}
	if (!strcmp(how, "main-exits")) {
		__atomic_store_n(&last_word, 1, __ATOMIC_RELEASE);
		pthread_exit(NULL);
	}
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "return";
	struct rlimit none = {0, 0};

	setrlimit(RLIMIT_CORE, &none);
	if (argc > 2)
		start_threads(strcmp(how, "main-exits") ? NULL : &last_word);
	leak_some();
	if (strcmp(how, "main-exits"))
		books_write();
	end(how);
	return 0;
}
