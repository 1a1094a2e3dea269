/*
 * Descriptors -- the host finds those it expects, the lowest free one included; it closes all that
 * it did not open, opens its own in their place, and every byte written to them arrives.
 *
 * What it sees is compared with the bare run. The counts are exact whatever it closed.
 *
 * case: plain
 * case: sampled      set=start_delay=0s set=interval=10ms
 * case: kill         args=kill signal=SIGKILL how=signal final=post-mortem set=start_delay=0s set=interval=10ms
 */
#include "books.h"
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>

BOOK(leak_between);
BOOK(leak_in_thread);

static volatile int finished;

NOINLINE static void leak_between(int i)
{
	void *p = book_in(&book_leak_between, malloc(100 + i), 100 + i);

	if (i % 2)
		return;
	book_out(&book_leak_between, 100 + i);
	free(p);
}

NOINLINE static void *leak_in_thread(void *unused)
{
	while (!finished) {
		book_in(&book_leak_in_thread, malloc(10), 10);
		usleep(1000);
	}
	return unused;
}

static void say(const char *text, int number)
{
	char line[64];
	int n = snprintf(line, sizeof(line), "%s %d\n", text, number);

	if (write(1, line, n) != n)
		abort();
}

/* Those below 200, where hosts look; the agent's own may lie at the top of the limit. */
static void list(const char *when)
{
	int fd, lowest = dup(0);

	say(when, lowest);
	close(lowest);
	for (fd = 0; fd < 200; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			say("open", fd);
}

static void close_all(void)
{
	struct rlimit limit;
	int fd;

	getrlimit(RLIMIT_NOFILE, &limit);
	for (fd = 3; fd < (int)limit.rlim_cur; fd++)
		close(fd);
}

/* Pairs in all places, the top of the limit included, each with a message of its own. */
static void use_own(void)
{
	static int pairs[200][2];
	struct rlimit limit;
	char text[32], got[32];
	int i, n;

	getrlimit(RLIMIT_NOFILE, &limit);
	for (i = 0; i < 200; i++) {
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, pairs[i]))
			abort();
		if (i < 20 && dup2(pairs[i][1], (int)limit.rlim_cur - 1 - i) < 0)
			abort();
	}
	for (i = 0; i < 200; i++) {
		n = snprintf(text, sizeof(text), "message %d", i);
		if (write(pairs[i][0], text, n) != n)
			abort();
		leak_between(i);
	}
	usleep(100000);
	for (i = 0; i < 200; i++) {
		n = snprintf(text, sizeof(text), "message %d", i);
		if (recv(pairs[i][1], got, sizeof(got), MSG_DONTWAIT) != n || memcmp(got, text, n))
			say("wrong bytes in pair", i);
		if (recv(pairs[i][1], got, sizeof(got), MSG_DONTWAIT) >= 0)
			say("more bytes in pair", i);
		if (recv(pairs[i][0], got, sizeof(got), MSG_DONTWAIT) >= 0)
			say("bytes back in pair", i);
	}
}

int main(int argc, char **argv)
{
	struct rlimit limit = {1000, 1000};
	pthread_t thread;

	(void)argv;
	setrlimit(RLIMIT_NOFILE, &limit);
	list("at first");
	leak_between(1);
	if (pthread_create(&thread, NULL, leak_in_thread, NULL))
		abort();
	usleep(200000);
	list("with threads");
	close_all();
	usleep(100000);
	list("after closing all");
	use_own();
	finished = 1;
	pthread_join(thread, NULL);
	books_write();
	if (argc > 1)
		kill(getpid(), SIGKILL);
	return 0;
}
