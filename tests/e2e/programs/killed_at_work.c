/*
 * Killed at work -- SIGKILL hits a process whose four threads allocate, reallocate and free; what is
 * left is exact up to the one call that each thread was in.
 *
 * A parent keeps the books in memory that it shares with the child, kills it, and writes them down.
 *
 * case: plain
 * case: sampled      set=start_delay=0s set=interval=10ms
 */
#include "books.h"
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define THREADS 4
#define VICTIMS 5

/* Counted before and after each call, by one thread. */
struct own_book {
	volatile uint64_t begun, done, bytes;
};
static struct own_book *own; /* shared; one a thread */

/* The main process's own. */
BOOK(make_in_parent);

NOINLINE static void *work_and_die(void *number)
{
	struct own_book *book = &own[(intptr_t)number];
	size_t size = 100 + (size_t)(intptr_t)number;
	void *p;

	for (;;) {
		book->begun++;
		p = malloc(size);
		book->done++;
		if (book->done % 8 == 0)
			continue; /* leaks */
		p = realloc(p, 2 * size);
		free(p);
	}
	return NULL;
}

static pid_t start_victim(void)
{
	pid_t child = fork();
	pthread_t thread;
	intptr_t i;

	if (child)
		return child;
	for (i = 1; i < THREADS; i++)
		pthread_create(&thread, NULL, work_and_die, (void *)i);
	work_and_die((void *)0);
	return 0;
}

/* What the child must have: leaks are every eighth block; a thread may be within one round. */
static void tell(pid_t child)
{
	uint64_t blocks = 0, bytes = 0, i;
	char text[300];
	int fd, n;

	for (i = 0; i < THREADS; i++) {
		uint64_t leaked = own[i].done / 8;

		blocks += leaked;
		bytes += leaked * (100 + i);
	}
	n = snprintf(text, sizeof(text), "process %d\nwork_and_die %lu~%d %lu~%d - - - -\n", (int)child,
		     (unsigned long)blocks, THREADS, (unsigned long)bytes, THREADS * 206);
	fd = open(getenv("EXPECT"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, text, n) != n)
		_exit(99);
	close(fd);
}

NOINLINE static void make_in_parent(void)
{
	book_in(&book_make_in_parent, malloc(50), 50);
}

int main(void)
{
	pid_t child;
	int i, status;

	for (i = 0; i < VICTIMS; i++) {
		make_in_parent();
		own = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		if (own == MAP_FAILED)
			abort();
		child = start_victim();
		usleep(60000 + i * 7000);
		kill(child, SIGKILL);
		if (waitpid(child, &status, 0) != child || !WIFSIGNALED(status))
			abort();
		if (getenv("EXPECT"))
			tell(child);
	}
	books_write();
	return 0;
}
