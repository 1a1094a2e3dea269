/*
 * Full tables -- more blocks of 128 MB and more than the map keeps aside, more callsites than a small region holds:
 * what finds no room is counted, the report is inexact and says why, and the program goes on.
 *
 * case: huge         args=huge exact=any lost=live_blocks_of_128_MB
 * case: region       args=region exact=any lost=no_room_for_some_callsites
 */
#include "books.h"
#include <errno.h>
#include <stdbool.h>
#include <sys/resource.h>

#define HUGE_BLOCKS 1100
#define HUGE_SIZE ((size_t)130 << 20)
#define SMALL_SPACE ((rlim_t)64 << 20)
#define DEPTH 14

BOOK(unharmed_blocks);
static void *blocks[HUGE_BLOCKS];

NOINLINE static void unharmed_blocks(void)
{
	for (int i = 0; i < 50; i++)
		book_in(&book_unharmed_blocks, malloc(60), 60);
	BARRIER();
}

static void huge(void)
{
	for (int i = 0; i < HUGE_BLOCKS; i++)
		blocks[i] = malloc(HUGE_SIZE);
	for (int i = 0; i < HUGE_BLOCKS; i++)
		free(blocks[i]);
}

/* Each path down the tree is a stack of its own: 2^DEPTH of them. */
NOINLINE static void fork_left(int depth);
NOINLINE static void fork_right(int depth);

static void go_down(int depth)
{
	if (depth) {
		fork_left(depth - 1);
		fork_right(depth - 1);
	} else {
		void *p = malloc(8);

		KEEP(p);
		free(p);
	}
	BARRIER();
}

NOINLINE static void fork_left(int depth)
{
	go_down(depth);
	BARRIER();
}

NOINLINE static void fork_right(int depth)
{
	go_down(depth);
	BARRIER();
}

int main(int argc, char **argv)
{
	const struct rlimit small = {SMALL_SPACE, SMALL_SPACE};

	if (argc > 1 && !strcmp(argv[1], "region") && !getenv("AGAIN")) {
		setenv("AGAIN", "1", 1);
		setrlimit(RLIMIT_AS, &small);
		books_write();
		execv("/proc/self/exe", argv);
		return 9;
	}
	unharmed_blocks();
	if (argc > 1 && !strcmp(argv[1], "huge"))
		huge();
	else
		go_down(DEPTH);
	books_write();
	return 0;
}
