/*
 * Books -- what a test program itself knows of its blocks, to compare the report with.
 *
 * A book has a key that says which callsites it is about: "name" is every callsite whose stack
 * holds the function, "a<b<c" every one whose leaf is a, called by b, called by c, and
 * "name@module" is bound to a module's file name. "*" is the whole process. The figures lie in
 * static memory, so keeping them allocates nothing; a forked child inherits them with the blocks.
 * books_write() appends a section of this process to the file that the variable EXPECT names, in
 * one write: that is all a program needs to survive to be checked.
 */
#pragma once
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A function with a frame of its own, whose name stays its own. */
#define NOINLINE __attribute__((noinline, noclone, no_icf))
/* The compiler knows nothing of p from here on; after a call, the call is no tail call. */
#define KEEP(p) __asm__ volatile("" : "+r"(p) : : "memory")
#define BARRIER() __asm__ volatile("" : : : "memory")

struct book {
	const char *key;
	/* Any thread adds, relaxed. Volatile besides: a signal handler adds, too. */
	volatile uint64_t allocated_blocks, allocated_bytes, freed_blocks, freed_bytes;
	int live_only;	      /* how often libc allocates on the way is its own affair */
	uint64_t n_callsites; /* how many callsites it must be, 0: any number */
};

#define BOOK_AT(name, text, ...)                                                                                       \
	static struct book name = {text, 0, 0, 0, 0, ##__VA_ARGS__};                                                   \
	static struct book *const name##_entry __attribute__((section("books"), used)) = &name
/* The book of a function, by its name. */
#define BOOK(function) BOOK_AT(book_##function, #function, 0, 0)

static inline void book_add(volatile uint64_t *figure, uint64_t n)
{
	__atomic_fetch_add(figure, n, __ATOMIC_RELAXED);
}

/* p came from an allocation of `size` bytes. */
static inline void *book_in(struct book *book, void *p, size_t size)
{
	if (!p)
		return p;
	book_add(&book->allocated_blocks, 1);
	book_add(&book->allocated_bytes, size);
	return p;
}

/* A block of `size` bytes goes. */
static inline void book_out(struct book *book, size_t size)
{
	book_add(&book->freed_blocks, 1);
	book_add(&book->freed_bytes, size);
}

#ifndef BOOKS_NONE
extern struct book *const __start_books[] __attribute__((visibility("hidden")));
extern struct book *const __stop_books[] __attribute__((visibility("hidden")));

static inline int books_line(char *text, size_t size, const struct book *b)
{
	unsigned long live_blocks = b->allocated_blocks - b->freed_blocks;
	unsigned long live_bytes = b->allocated_bytes - b->freed_bytes;

	if (b->live_only)
		return snprintf(text, size, "%s %lu %lu - - - -\n", b->key, live_blocks, live_bytes);
	return snprintf(text, size, "%s %lu %lu %lu %lu %lu %lu\n", b->key, live_blocks, live_bytes,
			(unsigned long)b->allocated_blocks, (unsigned long)b->allocated_bytes,
			(unsigned long)b->freed_blocks, (unsigned long)b->freed_bytes);
}

/* Tells the books as they are now. Context: any that may write a file; allocates nothing. */
static inline void books_write(void)
{
	static char text[1 << 17];
	const char *path = getenv("EXPECT");
	struct book *const *entry;
	int n, fd;

	if (!path)
		return;
	n = snprintf(text, sizeof(text), "process %d\n", (int)getpid());
	for (entry = __start_books; entry < __stop_books; entry++) {
		const struct book *b = *entry;

		n += books_line(text + n, sizeof(text) - n, b);
		if (b->n_callsites)
			n += snprintf(text + n, sizeof(text) - n, "callsites %s %lu\n", b->key,
				      (unsigned long)b->n_callsites);
	}
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, text, n) != n)
		_exit(99);
	close(fd);
}
#endif

#ifdef __cplusplus
}
#endif
