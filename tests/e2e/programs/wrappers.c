/*
 * A wrapper with 500 call sites -- each has counts of its own; the leaf and the two frames above
 * it are named right.
 *
 * case: plain
 * case: one-arena    env=MALLOC_ARENA_MAX=1
 */
#include "books.h"

BOOK_AT(book_xmalloc, "xmalloc", 0, 500);

NOINLINE static void *xmalloc(size_t size)
{
	void *p = malloc(size);

	if (!p)
		abort();
	return book_in(&book_xmalloc, p, size);
}

#define SITE(n)                                                                                                        \
	BOOK_AT(book_site_##n, "xmalloc<site_" #n "<call_sites", 0, 1);                                                \
	NOINLINE static void *site_##n(size_t size)                                                                    \
	{                                                                                                              \
		void *p = book_in(&book_site_##n, xmalloc(size + 1##n), size + 1##n);                                  \
                                                                                                                       \
		KEEP(p);                                                                                               \
		return p;                                                                                              \
	}
#define ENTRY(n) {site_##n, &book_site_##n, 1##n},
#define EACH10(X, n) X(n##0) X(n##1) X(n##2) X(n##3) X(n##4) X(n##5) X(n##6) X(n##7) X(n##8) X(n##9)
#define EACH100(X, n)                                                                                                  \
	EACH10(X, n##0)                                                                                                \
	EACH10(X, n##1)                                                                                                \
	EACH10(X, n##2)                                                                                                \
	EACH10(X, n##3)                                                                                                \
	EACH10(X, n##4) EACH10(X, n##5) EACH10(X, n##6) EACH10(X, n##7) EACH10(X, n##8) EACH10(X, n##9)
#define EACH500(X) EACH100(X, 0) EACH100(X, 1) EACH100(X, 2) EACH100(X, 3) EACH100(X, 4)

EACH500(SITE)

static const struct {
	void *(*call)(size_t size);
	struct book *book;
	size_t size;
} sites[] = {EACH500(ENTRY)};

#define N_SITES (sizeof(sites) / sizeof(sites[0]))

NOINLINE static void call_sites(unsigned round)
{
	unsigned i;

	for (i = 0; i < N_SITES; i++) {
		/* In an order that changes from round to round. */
		unsigned k = (i * 7 + round * 13) % N_SITES;
		void *p = sites[k].call(round);

		if ((k + round) % 3 == 0)
			continue;
		book_out(sites[k].book, sites[k].size + round);
		book_out(&book_xmalloc, sites[k].size + round);
		free(p);
	}
}

int main(void)
{
	unsigned round;

	for (round = 0; round < 20; round++)
		call_sites(round);
	books_write();
	return 0;
}
