/*
 * C++ operators -- new and delete in all their forms reach us through malloc: each counted once.
 *
 * case: glibc
 * case: no-tcache    env=GLIBC_TUNABLES=glibc.malloc.tcache_count=0
 */
#include "books.h"
#include <new>
#include <string>
#include <vector>

namespace
{
const int rounds = 60;
struct alignas(128) wide {
	char bytes[384];
};
BOOK(leak_new);
BOOK(leak_array);
BOOK(leak_aligned);
BOOK(leak_nothrow);
BOOK_AT(book_fail, "fail_nothrow", 1, 0);
BOOK_AT(book_vector, "grow_vector", 1, 0);
BOOK_AT(book_new, "operator new<leak_new<main", 0, 1);
} // namespace

extern "C" {
NOINLINE void leak_new(int i)
{
	long *p = new long(i);

	KEEP(p);
	book_in(&book_leak_new, p, sizeof(long));
	book_in(&book_new, p, sizeof(long));
	if (i % 3 == 0)
		return;
	book_out(&book_leak_new, sizeof(long));
	book_out(&book_new, sizeof(long));
	delete p;
}

NOINLINE void leak_array(int i)
{
	char *p = new char[100 + i];

	KEEP(p);
	book_in(&book_leak_array, p, 100 + i);
	if (i % 3 == 0)
		return;
	book_out(&book_leak_array, 100 + i);
	delete[] p;
}

NOINLINE void leak_aligned(int i)
{
	wide *p = new wide;

	KEEP(p);
	book_in(&book_leak_aligned, p, sizeof(wide));
	if (i % 3 == 0)
		return;
	book_out(&book_leak_aligned, sizeof(wide));
	delete p;
}

NOINLINE void leak_nothrow(int i)
{
	void *p = ::operator new(200 + i, std::nothrow);

	KEEP(p);
	book_in(&book_leak_nothrow, p, 200 + i);
	if (i % 3 == 0)
		return;
	book_out(&book_leak_nothrow, 200 + i);
	::operator delete(p, std::nothrow);
}

/* The exception that is thrown inside, caught there and freed is all that is allocated. */
NOINLINE void fail_nothrow(void)
{
	volatile size_t huge = PTRDIFF_MAX;

	if (::operator new(huge, std::nothrow))
		abort();
}

NOINLINE void grow_vector(int i)
{
	std::vector<std::string> strings;

	for (int k = 0; k < i; k++)
		strings.push_back(std::string(50 + k, 'x'));
	KEEP(i);
}
}

int main()
{
	for (int i = 0; i < rounds; i++) {
		leak_new(i);
		leak_array(i);
		leak_aligned(i);
		leak_nothrow(i);
		fail_nothrow();
		grow_vector(i);
	}
	books_write();
	return 0;
}
