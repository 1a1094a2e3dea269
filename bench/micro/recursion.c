/*
 * recursion PAIRS [PARTS]: the cost of a pair in a recursive program: random binary trees are built and taken down
 * again.
 *
 * Each node is allocated at the depth it has in the tree (up to 48) by one of two calls of the same function, so nearly
 * every allocation has another stack than the one before: the worst case of whoever remembers stacks.
 */
#include "micro.h"

enum { MAX_DEPTH = 48 };

struct node {
	struct node *left, *right;
	char payload[24];
};

static long operations;

static struct node *__attribute__((noinline)) build(int depth, uint32_t *state)
{
	struct node *node = malloc(sizeof(*node));

	if (!node)
		abort();
	operations++;
	/* Seven in eight go on to the left, one in four to the right: deep, and not too wide. */
	node->left = depth < MAX_DEPTH && draw(state) % 8 ? build(depth + 1, state) : NULL;
	node->right = depth < MAX_DEPTH && !(draw(state) % 4) ? build(depth + 1, state) : NULL;
	keep(node);
	return node;
}

static void __attribute__((noinline)) take_down(struct node *node)
{
	if (!node)
		return;
	take_down(node->left);
	take_down(node->right);
	free(node);
	keep(NULL);
}

static void run(long pairs)
{
	uint32_t state = 1;

	for (operations = 0; operations < pairs;)
		take_down(build(0, &state));
}

int main(int argc, char **argv)
{
	long pairs = argument(argc, argv, 1, 100000), parts = argument(argc, argv, 2, PARTS);
	struct best best = {0};

	run(WARM_UP);
	for (long i = 0; i < parts; i++) {
		best_start(&best);
		run(pairs);
		best_stop(&best, operations);
	}
	best_print(&best);
	return 0;
}
