/*
 * The host whose agent meets faults: blocks of all kinds, deep stacks, time for the sampler, a forked child that
 * frees what it inherited, and with the argument "threads" threads of its own. It keeps books and says what it sees;
 * neither may change with any fault.
 */
#include "tests/e2e/programs/books.h"
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <time.h>

#define N 60

BOOK(small_blocks);
BOOK(large_blocks);
BOOK(grown_blocks);
BOOK(deep_blocks);
BOOK(child_blocks);
BOOK(thread_blocks);
BOOK(passing_blocks);

static void *kept[N], *large[3], *grown[N];
static int errors_changed;

NOINLINE static void small_blocks(void)
{
	for (size_t i = 0; i < N; i++) {
		errno = 42;
		kept[i] = book_in(&book_small_blocks, malloc(i * 20 + 1), i * 20 + 1);
		free(book_in(&book_small_blocks, malloc(8), 8));
		errors_changed += errno != 42;
		book_out(&book_small_blocks, 8);
	}
}

NOINLINE static void large_blocks(void)
{
	for (size_t i = 0; i < 3; i++)
		large[i] = book_in(&book_large_blocks, malloc((100u << 20) + (i << 25)), (100u << 20) + (i << 25));
	free(large[0]);
	book_out(&book_large_blocks, 100u << 20);
}

NOINLINE static void grown_blocks(void)
{
	for (size_t i = 0; i < N; i++) {
		grown[i] = book_in(&book_grown_blocks, malloc(i + 1), i + 1);
		errno = 42;
		grown[i] = realloc(grown[i], i * 100 + 1);
		errors_changed += errno != 42;
		book_out(&book_grown_blocks, i + 1);
		book_in(&book_grown_blocks, grown[i], i * 100 + 1);
	}
}

NOINLINE static void deep_blocks(int depth)
{
	void *p = book_in(&book_deep_blocks, malloc(24), 24);

	if (depth)
		deep_blocks(depth - 1);
	if (depth % 2) {
		free(p);
		book_out(&book_deep_blocks, 24);
	}
	BARRIER();
}

NOINLINE static void child_blocks(void)
{
	for (size_t i = 0; i < N; i++) {
		free(kept[i]);
		book_out(&book_small_blocks, i * 20 + 1);
		kept[i] = book_in(&book_child_blocks, malloc(50), 50);
	}
}

NOINLINE static void *thread_blocks(void *unused)
{
	for (size_t i = 0; i < N; i++)
		free(book_in(&book_thread_blocks, malloc(70), 70));
	book_in(&book_thread_blocks, malloc(1000), 1000);
	for (size_t i = 0; i < N; i++)
		book_out(&book_thread_blocks, 70);
	return unused;
}

/* The sampler starts with an allocation. */
NOINLINE static void passing_blocks(void)
{
	struct timespec pause = {0, 1000000};

	for (int i = 0; i < 10; i++) {
		for (size_t k = 0; k < 30; k++)
			free(book_in(&book_passing_blocks, malloc(k * 30), k * 30));
		for (size_t k = 0; k < 30; k++)
			book_out(&book_passing_blocks, k * 30);
		nanosleep(&pause, NULL);
	}
}

static void say_descriptors(const char *who)
{
	char text[4000];
	int n = snprintf(text, sizeof(text), "%s:", who);

	for (int fd = 0; fd < 900; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			n += snprintf(text + n, sizeof(text) - n, " %d", fd);
	n += snprintf(text + n, sizeof(text) - n, ", errno changed %d times\n", errors_changed);
	if (write(1, text, n) != n)
		_exit(99);
}

static void make_thread(void)
{
	pthread_t thread;

	for (int i = 0; i < 3; i++)
		if (pthread_create(&thread, NULL, thread_blocks, NULL) || pthread_join(thread, NULL))
			_exit(98);
}

int main(int argc, char **argv)
{
	bool threads = argc > 1 && !strcmp(argv[1], "threads");
	int status = 0;
	pid_t child;

	small_blocks();
	large_blocks();
	grown_blocks();
	deep_blocks(40);
	if (threads)
		make_thread();
	passing_blocks();
	fflush(NULL);
	if (!(child = fork())) {
		child_blocks();
		passing_blocks();
		say_descriptors("child");
		books_write();
		_exit(5);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		return 1;
	passing_blocks();
	say_descriptors("parent");
	books_write();
	return WEXITSTATUS(status) + 2;
}
