"""Other allocators: linked as shared objects, preloaded, and inside the executable, for C and for C++.

The program does the same with each: all functions of C, all operators of C++, in eight threads, with blocks freed by
others; it checks alignment and contents and prints nothing that depends on the allocator.
"""
import glob

from row import Row

C_PART = r'''
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define EACH 3000
static void *handed[8][EACH];
static unsigned wrong;
void operators(unsigned number);
__attribute__((weak)) void operators(unsigned number) { (void)number; }
static void *check(void *p, size_t size, size_t alignment)
{
	if (!p || (uintptr_t)p % alignment || malloc_usable_size(p) < size)
		__atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
	else
		memset(p, (int)size, malloc_usable_size(p));
	return p;
}
static void *make(unsigned i)
{
	size_t size = i * 37 % 5000 + 1;
	void *p = NULL;
	switch (i % 9) {
	case 0: return check(calloc(size, 3), size * 3, 16);
	case 1: return check(posix_memalign(&p, 64, size) ? NULL : p, size, 64);
	case 2: return check(aligned_alloc(128, size * 128), size * 128, 128);
	case 3: return check(memalign(256, size), size, 256);
	case 4: return check(valloc(size), size, 4096);
	case 5: return check(realloc(check(malloc(size), size, size < 16 ? 8 : 16), size * 2), size * 2, size < 8 ? 8 : 16);
	case 6: return check(strdup("a string that is copied"), 24, 16);
	case 7: return check(malloc(size * 30), size * 30, 16);
	default: return check(malloc(size), size, size < 16 ? 8 : 16);
	}
}
static void *work(void *argument)
{
	unsigned number = (unsigned)(uintptr_t)argument;
	for (unsigned i = 0; i < EACH; i++)
		handed[number][i] = make(i + number);
	operators(number);
	return NULL;
}
int main(void)
{
	pthread_t threads[8];
	for (uintptr_t i = 0; i < 8; i++)
		pthread_create(&threads[i], NULL, work, (void *)i);
	for (unsigned i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
	for (unsigned i = 0; i < 8; i++)
		for (unsigned n = 0; n < EACH; n++)
			free(handed[i][n]);
	free(malloc(0));
	errno = 0;
	printf("%u wrong, too much: %p %d\n", wrong, malloc((size_t)1 << 62), errno);
	return 3;
}
'''
CXX_PART = r'''
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <string>
#include <vector>
struct alignas(256) wide { char data[300]; };
struct plain { char data[40]; virtual ~plain() {} };
struct more : plain { char data[100]; };
extern "C" void operators(unsigned number)
{
	unsigned wrong = 0;
	for (unsigned i = 1; i < 3000; i++) {
		plain *p = new more, *q = new (std::nothrow) plain;
		wide *w = new wide, *ws = new wide[3];
		std::string *s = new std::string[i % 5 + 1];
		char *c = new char[i + number], *d = new (std::nothrow) char[i];
		wrong += (uintptr_t)w % 256 || (uintptr_t)ws % 256 || !d;
		delete p; delete q; delete w; delete[] ws; delete[] s; delete[] c; delete[] d;
		void *raw = ::operator new(i, std::align_val_t(512));
		wrong += (uintptr_t)raw % 512 != 0;
		::operator delete(raw, i, std::align_val_t(512));
		raw = ::operator new(i);
		::operator delete(raw, (std::size_t)i);
		raw = ::operator new[](i, std::align_val_t(64), std::nothrow);
		::operator delete[](raw, std::align_val_t(64));
		std::vector<std::string> v(i % 50, std::string(i % 70, 'x'));
		v.push_back("pushed");
	}
	if (std::getenv("ABORTS"))
		return;
	try {
		volatile std::size_t huge = (std::size_t)1 << 62;
		::operator delete(::operator new(huge));
		wrong++;
	} catch (const std::bad_alloc &) {
	}
	wrong += ::operator new((std::size_t)1 << 62, std::nothrow) != nullptr;
	if (wrong)
		std::printf("%u wrong operators\n", wrong);
}
'''
FILES = {'part.c': C_PART, 'part.cc': CXX_PART}
# name of the allocator -> its shared object, its archive, where Debian has one
ALLOCATORS = {'jemalloc': ('libjemalloc.so.2', 'libjemalloc.a'),
              'tcmalloc': ('libtcmalloc_minimal.so.4', 'libtcmalloc_minimal.a'),
              'mimalloc': ('libmimalloc.so.2.0', None)}
LEAST = {'c': 24000, 'cc': 24000 + 8 * 3000 * 12}


def build(language, *libraries):
  """Compiles the program; what it is linked with comes last."""
  flags = ['-O1', '-fno-builtin', '-w', '-pthread']
  part = ['cc', '-c', '-o', 'c.o', 'part.c'] + flags
  whole = ['g++', '-std=c++17', '-o', 'program'] + (['part.cc'] if language == 'cc' else []) + ['c.o'] + flags + list(libraries)

  def prepare(place):
    for command in (part, whole):
      status, text = place.run(*command, limit=120)
      if status:
        return text[-300:]
    return None
  return prepare


def there(library):
  found = glob.glob('/usr/lib/*/' + library)
  return lambda place: None if found else 'no %s here' % library


for language in LEAST:
  bypass = {'inexact': 'its operators new and delete do not pass through malloc', 'unknown_frees': 'as above',
            'at_least': LEAST['c']} if language == 'cc' else {'at_least': LEAST['c']}
  name = {'c': 'C', 'cc': 'C++'}[language]
  Row('glibc ' + name, ['./program'], files=FILES, needs=['g++'], prepare=build(language), at_least=LEAST[language])
  for allocator, (shared, archive) in ALLOCATORS.items():
    # mimalloc's operators abort where they should throw
    environ = {'ABORTS': '1'} if allocator == 'mimalloc' else {}
    Row('%s linked %s' % (allocator, name), ['./program'], files=FILES, needs=['g++'], only=there(shared),
        prepare=build(language, '-Wl,--no-as-needed', '-l:' + shared), environ=environ, limit=120, **bypass)
    Row('%s preloaded %s' % (allocator, name), ['./program'], files=FILES, needs=['g++'], only=there(shared),
        prepare=build(language), preloads=[shared], environ=environ, limit=120, **bypass)
    if not archive:
      continue
    Row('%s inside %s' % (allocator, name), ['./program'], files=FILES, needs=['g++'], only=there(archive),
        prepare=build(language, '-Wl,--whole-archive', '-l:' + archive, '-Wl,--no-whole-archive', '-ldl', '-lm', '-rdynamic'),
        dormant='its allocator is in the executable, before the agent: nothing of it passes through', limit=120)
