/*
 * Forks -- a child owns the blocks it inherited: its report is the parent's counts at the fork and
 * its own; the parent's does not change with what children do.
 *
 * case: plain        args=plain
 * case: raw          args=raw
 * case: unseen       args=unseen exact=any
 * case: twice        args=twice
 * case: raw-twice    args=raw-twice
 * case: threads      args=threads
 * case: chain        args=chain
 * case: many         args=many
 * case: sampled-plain args=plain set=start_delay=0s set=interval=10ms
 * case: sampled-raw  args=raw set=start_delay=0s set=interval=10ms
 * case: sampled-threads args=threads set=start_delay=0s set=interval=10ms
 * case: sampled-many args=many set=start_delay=0s set=interval=10ms
 */
#include "books.h"
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define BLOCKS 100
#define CHILDREN 20
BOOK(made_before);
BOOK(made_in_child);
BOOK(made_after);
BOOK(made_in_thread);

static void *before[BLOCKS];
static sem_t fork_now, go_on;

NOINLINE static void made_before(void)
{
	int i;

	for (i = 0; i < BLOCKS; i++)
		before[i] = book_in(&book_made_before, malloc(100 + i), 100 + i);
}

static void free_before(int from, int to)
{
	int i;

	for (i = from; i < to; i++) {
		book_out(&book_made_before, 100 + i);
		free(before[i]);
	}
}

NOINLINE static void made_in_child(int n)
{
	int i;

	for (i = 0; i < n; i++)
		book_in(&book_made_in_child, malloc(1000), 1000);
}

NOINLINE static void made_after(void)
{
	book_in(&book_made_after, malloc(55), 55);
}

NOINLINE static void *made_in_thread(void *role)
{
	void *p = book_in(&book_made_in_thread, malloc(321), 321);

	book_in(&book_made_in_thread, malloc(123), 123);
	if (role) {
		sem_post(&fork_now);
		sem_wait(&go_on);
	}
	book_out(&book_made_in_thread, 321);
	free(p);
	return NULL;
}

static void join(pid_t child, int status)
{
	int got;

	if (waitpid(child, &got, 0) != child || !WIFEXITED(got) || WEXITSTATUS(got) != status)
		_exit(98);
}

/* Half of what it inherited and something of its own; exit handlers run only in some. */
__attribute__((noreturn)) static void be_child(int n, int status)
{
	free_before(0, BLOCKS / 2);
	made_in_child(n);
	books_write();
	if (status & 1)
		_exit(status);
	exit(status);
}

static void fork_chain(int depth)
{
	pid_t child = fork();

	if (child) {
		join(child, 0);
		return;
	}
	made_in_child(depth);
	free_before(BLOCKS - depth, BLOCKS - depth + 1);
	if (depth < 4)
		fork_chain(depth + 1);
	books_write();
	exit(0);
}

/* Four threads rest while their process forks; the child starts threads of its own. */
static void fork_with_threads(void)
{
	pthread_t threads[4], own;
	pid_t child;
	int i;

	sem_init(&fork_now, 0, 0);
	sem_init(&go_on, 0, 0);
	for (i = 0; i < 4; i++)
		if (pthread_create(&threads[i], NULL, made_in_thread, &fork_now))
			abort();
	for (i = 0; i < 4; i++)
		sem_wait(&fork_now);
	child = fork();
	if (!child) {
		if (pthread_create(&own, NULL, made_in_thread, NULL))
			abort();
		pthread_join(own, NULL);
		be_child(3, 2);
	}
	join(child, 2);
	for (i = 0; i < 4; i++)
		sem_post(&go_on);
	for (i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
}

/* A fork that no wrapper sees. */
static pid_t fork_unseen(void)
{
	long r = SYS_fork;

	__asm__ volatile("syscall" : "+a"(r) : : "rcx", "r11", "memory");
	return (pid_t)r;
}

/* As daemons do: the child forks before it has allocated, and ends. */
static void fork_twice(int raw)
{
	pid_t child = raw ? (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) : fork(), second;

	if (!child) {
		second = raw ? (pid_t)syscall(SYS_fork) : fork();
		if (!second)
			be_child(5, 3);
		join(second, 3);
		be_child(2, 2);
	}
	join(child, 2);
}

static void fork_many(void)
{
	pid_t children[CHILDREN];
	int i;

	for (i = 0; i < CHILDREN; i++) {
		children[i] = fork();
		if (!children[i])
			be_child(i, 10 + i);
		made_after();
	}
	for (i = 0; i < CHILDREN; i++)
		join(children[i], 10 + i);
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "plain";
	pid_t child;

	made_before();
	if (!strcmp(how, "chain")) {
		fork_chain(1);
	} else if (!strcmp(how, "threads")) {
		fork_with_threads();
	} else if (strstr(how, "twice")) {
		fork_twice(how[0] == 'r');
	} else if (!strcmp(how, "many")) {
		fork_many();
	} else {
		child = !strcmp(how, "unseen") ? fork_unseen()
			: !strcmp(how, "raw")  ? (pid_t)syscall(SYS_fork)
					       : fork();
		if (!child)
			be_child(7, 3);
		join(child, 3);
	}
	free_before(BLOCKS / 2, BLOCKS - 10);
	made_after();
	books_write();
	return 0;
}
