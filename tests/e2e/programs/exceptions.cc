/*
 * C++ exceptions in flight -- destructors that allocate while the stack is unwound, catch blocks,
 * rethrows, nested exceptions, bad_alloc; in four threads. The exception objects are all freed.
 *
 * case: plain
 * case: sampled      set=start_delay=0s set=interval=10ms
 */
#include "books.h"
#include <new>
#include <pthread.h>
#include <stdexcept>

namespace
{
const int rounds = 500;
BOOK_AT(book_destructor, "leak_in_destructor", 0, 0);
BOOK_AT(book_catch, "leak_in_catch<catcher<play", 0, 0);
BOOK_AT(book_rethrow, "leak_in_rethrow<rethrower<catcher", 0, 0);
BOOK_AT(book_before, "leak_before_throw<thrower<thrower", 0, 0);
BOOK_AT(book_nested, "leak_in_nested", 0, 0);
BOOK_AT(book_exception, "__cxa_allocate_exception", 1, 0);
volatile std::size_t huge = PTRDIFF_MAX - 100;
} // namespace

extern "C" {
NOINLINE static void settle(struct book *book, void *p, size_t size, int i)
{
	book_in(book, p, size);
	if (i % 3 == 0)
		return;
	book_out(book, size);
	free(p);
}

NOINLINE static void leak_in_destructor(int i)
{
	settle(&book_destructor, malloc(10), 10, i);
	BARRIER();
}

NOINLINE static void leak_in_nested(int i)
{
	settle(&book_nested, malloc(11), 11, i);
	BARRIER();
}

NOINLINE static void leak_in_catch(int i)
{
	settle(&book_catch, malloc(12), 12, i);
	BARRIER();
}

NOINLINE static void leak_in_rethrow(int i)
{
	settle(&book_rethrow, malloc(13), 13, i);
	BARRIER();
}

NOINLINE static void leak_before_throw(int i)
{
	settle(&book_before, malloc(14), 14, i);
	BARRIER();
}
}

struct guard {
	int i;
	explicit guard(int number) : i(number)
	{
	}
	~guard()
	{
		leak_in_destructor(i);
		try {
			if (i % 5 == 0)
				throw std::runtime_error("nested, with a text that is too long to lie inside a string");
		} catch (const std::exception &) {
			leak_in_nested(i);
		}
	}
};

NOINLINE static int thrower(int depth, int i)
{
	guard here(i);

	if (depth == 0) {
		leak_before_throw(i);
		if (i % 7 == 0)
			return (int)(size_t)::operator new(huge);
		throw std::runtime_error("from below, with a text that is too long to lie inside a string");
	}
	depth += thrower(depth - 1, i);
	KEEP(depth);
	return depth;
}

NOINLINE static void rethrower(int i)
{
	try {
		thrower(1 + i % 20, i);
	} catch (...) {
		leak_in_rethrow(i);
		throw;
	}
	BARRIER();
}

NOINLINE static void catcher(int i)
{
	try {
		rethrower(i);
	} catch (const std::bad_alloc &) {
		leak_in_catch(i);
	} catch (const std::exception &) {
		leak_in_catch(i);
	}
	BARRIER();
}

extern "C" NOINLINE void *play(void *unused)
{
	for (int i = 0; i < rounds; i++)
		catcher(i);
	return unused;
}

int main()
{
	pthread_t threads[4];

	for (pthread_t &thread : threads)
		if (pthread_create(&thread, nullptr, play, nullptr))
			abort();
	for (pthread_t &thread : threads)
		pthread_join(thread, nullptr);
	books_write();
	return 0;
}
