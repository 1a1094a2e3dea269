/*
 * Frames of changing size -- alloca and VLA frames, 40 KB ones, and stale return addresses left on
 * the stack by earlier calls and by longjmp: none of them may show up in a later stack.
 *
 * case: plain
 * case: sampled      set=start_delay=0s set=interval=10ms
 */
#include "books.h"
#include <alloca.h>
#include <setjmp.h>

#define ROUNDS 300
BOOK_AT(book_in_alloca, "leak_in_alloca<with_alloca<run", 0, 1);
BOOK_AT(book_in_vla, "leak_in_vla<with_vla<run", 0, 1);
BOOK_AT(book_in_large, "leak_in_large<with_large<run", 0, 1);
BOOK_AT(book_decoy, "decoy", 0, 0);
BOOK_AT(book_jump, "leak_before_jump<jump_deep<jump_deep", 0, 1);

static jmp_buf back;
static volatile unsigned char sink, volatile_true = 1;

static void settle(struct book *book, void *p, size_t size, unsigned i)
{
	book_in(book, p, size);
	if (i % 4 == 0)
		return;
	book_out(book, size);
	free(p);
}

NOINLINE static void leak_in_alloca(unsigned i)
{
	settle(&book_in_alloca, malloc(50), 50, i);
	BARRIER();
}

NOINLINE static void with_alloca(unsigned i)
{
	/* Not cleared: what lies in it are earlier calls' return addresses. */
	volatile unsigned char *room = alloca(16 + (i * 37) % 2000);

	KEEP(room);
	sink = room[i % 16];
	leak_in_alloca(i);
	sink = room[0];
}

NOINLINE static void leak_in_vla(unsigned i)
{
	settle(&book_in_vla, calloc(1, 60), 60, i);
	BARRIER();
}

NOINLINE static void with_vla(unsigned n, unsigned i)
{
	volatile unsigned char array[n], *room = array;

	KEEP(room);
	sink = room[n - 1];
	leak_in_vla(i);
	sink = room[0];
}

NOINLINE static void leak_in_large(unsigned i)
{
	settle(&book_in_large, realloc(NULL, 70), 70, i);
	BARRIER();
}

NOINLINE static void with_large(unsigned i)
{
	volatile unsigned char room[40000];

	room[i % 40000] = 1;
	leak_in_large(i);
	sink = room[1];
}

/* Leaves return addresses of itself all over the stack below. */
NOINLINE static int decoy(int depth)
{
	void *p = book_in(&book_decoy, malloc(30), 30);

	KEEP(p);
	book_out(&book_decoy, 30);
	free(p);
	if (depth > 0)
		depth += decoy(depth - 1);
	KEEP(depth);
	return depth;
}

NOINLINE static void leak_before_jump(unsigned i)
{
	settle(&book_jump, malloc(90), 90, i);
	BARRIER();
}

NOINLINE static int jump_deep(int depth, unsigned i)
{
	if (depth == 0) {
		leak_before_jump(i);
		if (volatile_true)
			longjmp(back, 1);
	} else {
		depth += jump_deep(depth - 1, i);
	}
	KEEP(depth);
	return depth;
}

NOINLINE static void run(unsigned i)
{
	with_alloca(i);
	with_vla(1 + (i * 53) % 3000, i);
	with_large(i);
	BARRIER();
}

NOINLINE static void jump(unsigned i)
{
	if (!setjmp(back))
		jump_deep(12, i);
}

int main(void)
{
	unsigned i;

	for (i = 0; i < ROUNDS; i++) {
		decoy(i % 25);
		run(i);
		jump(i);
	}
	books_write();
	return 0;
}
