/*
 * Calls that fail -- a failed realloc keeps the block, other failures leave no trace; errno and
 * *memptr are what they are without the agent (the output is compared with the bare run's).
 *
 * perfetto, ddprof, bytehound and MALT lose the block of a failed realloc.
 *
 * case: plain
 * case: sampled      set=start_delay=0s set=interval=10ms
 */
#include "books.h"
#include <errno.h>
#include <stdbool.h>
#include <sys/resource.h>

#define ROUNDS 50
BOOK(kept_by_huge_realloc);
BOOK(kept_by_limited_realloc);
BOOK(kept_by_overflow);
BOOK(fails_only);
BOOK_AT(book_all, "*", 0, 0);

static volatile size_t huge = PTRDIFF_MAX;

static void *in(struct book *book, void *p, size_t size)
{
	return book_in(&book_all, book_in(book, p, size), size);
}

static void say(const char *what, const void *p, int error)
{
	char line[100];
	int n = snprintf(line, sizeof(line), "%s %s errno %d\n", what, p ? "block" : "null", error);

	if (write(1, line, n) != n)
		abort();
}

NOINLINE static void kept_by_huge_realloc(bool speak)
{
	char *p = in(&book_kept_by_huge_realloc, malloc(333), 333), *q;

	p[332] = 'k';
	errno = 0;
	q = realloc(p, huge);
	if (speak)
		say("realloc huge", q, errno);
	if (q || p[332] != 'k')
		abort();
}

NOINLINE static void kept_by_overflow(bool speak)
{
	char *p = in(&book_kept_by_overflow, malloc(77), 77), *q;

	errno = 0;
	q = reallocarray(p, huge, 16);
	if (speak)
		say("reallocarray overflow", q, errno);
	if (q)
		abort();
}

/* Under RLIMIT_AS: first the limit is hit by realloc of a block from the heap and of a mapped one. */
NOINLINE static void kept_by_limited_realloc(size_t size)
{
	char *p = in(&book_kept_by_limited_realloc, malloc(size), size), *q;

	if (!p)
		abort();
	p[size - 1] = 'k';
	errno = 0;
	q = realloc(p, (size_t)1 << 30);
	say("realloc limited", q, errno);
	if (q || p[size - 1] != 'k')
		abort();
}

NOINLINE static void fails_only(bool speak)
{
	void *untouched = (void *)(uintptr_t)0x1234, *p;
	int r;

	errno = 0;
	p = malloc(huge);
	if (speak)
		say("malloc", p, errno);
	errno = 0;
	p = calloc(huge, 4);
	if (speak)
		say("calloc overflow", p, errno);
	errno = 0;
	p = untouched;
	r = posix_memalign(&p, 24, 100);
	if (speak)
		say("posix_memalign alignment", p == untouched ? NULL : p, errno * 1000 + r);
	errno = 0;
	p = untouched;
	r = posix_memalign(&p, 64, huge);
	if (speak)
		say("posix_memalign size", p == untouched ? NULL : p, errno * 1000 + r);
	errno = 0;
	p = aligned_alloc(64, huge);
	if (speak)
		say("aligned_alloc size", p, errno);
	errno = 0;
	p = realloc(NULL, huge);
	if (speak)
		say("realloc null", p, errno);
}

/* No more than 64 MB more than now. */
static void limit_memory(void)
{
	char text[200] = "";
	int fd = open("/proc/self/statm", O_RDONLY);
	struct rlimit limit;

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		abort();
	close(fd);
	limit.rlim_cur = limit.rlim_max = strtoul(text, NULL, 10) * 4096 + ((size_t)64 << 20);
	if (setrlimit(RLIMIT_AS, &limit))
		abort();
}

int main(void)
{
	int i;

	for (i = 0; i < ROUNDS; i++) {
		kept_by_huge_realloc(i == 0);
		kept_by_overflow(i == 0);
		fails_only(i == 0);
	}
	limit_memory();
	kept_by_limited_realloc(1000);
	kept_by_limited_realloc(1 << 20);
	books_write();
	return 0;
}
