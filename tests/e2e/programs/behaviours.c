/*
 * Behaviours -- one of them for so many seconds: what memory does in programs that leak, and in those that do not.
 *
 * usage: behaviours NAME SECONDS. Run by services/verdicts.py, whose table says what is expected of each.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline))
#define MILLISECOND 1000000L

extern void guard_mark(const char *name) __attribute__((weak));

static double seconds_from_start(void)
{
	static struct timespec start;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (!start.tv_sec)
		start = now;
	return (double)(now.tv_sec - start.tv_sec) + (double)(now.tv_nsec - start.tv_nsec) * 1e-9;
}

static void rest(long nanoseconds)
{
	const struct timespec time = {0, nanoseconds};

	nanosleep(&time, NULL);
}

NOINLINE static void *allocate_here(size_t size)
{
	return memset(malloc(size), 1, size);
}

NOINLINE static void *request(size_t size)
{
	return memset(malloc(size), 1, size);
}

/* 200 requests at a time are under way; each is answered, and its block freed, but one in a hundred is forgotten. */
static void leak(double end, int share)
{
	void *under_way[200] = {NULL};

	for (unsigned i = 0; seconds_from_start() < end; i++) {
		free(under_way[i % 200]);
		under_way[i % 200] = request(1000);
		if (share && i % (unsigned)share == 0)
			under_way[i % 200] = NULL;
		if (i % 10 == 0)
			rest(MILLISECOND);
	}
	for (unsigned i = 0; i < 200; i++)
		free(under_way[i]);
}

/* A map to which things are added, and nothing else: one a millisecond, however fast the machine is. */
static void growth(double end)
{
	struct entry {
		struct entry *next;
		char value[200];
	} *volatile map = NULL;

	for (unsigned n = 0; seconds_from_start() < end; rest(MILLISECOND))
		for (; n < 1000 * seconds_from_start(); n++) {
			struct entry *entry = allocate_here(sizeof(*entry));

			entry->next = map;
			map = entry;
		}
}

/* Fills up to its bound in the first third, and is full from then on: for each entry that comes the oldest one goes. */
static void cache(double end)
{
	enum { BOUND = 3000 };
	static void *entries[BOUND];

	for (unsigned i = 0; seconds_from_start() < end; i++) {
		free(entries[i % BOUND]);
		entries[i % BOUND] = allocate_here(400);
		if (i >= BOUND || seconds_from_start() < end / 3 * i / BOUND)
			rest(MILLISECOND);
	}
}

/* Ever more requests: each is answered, and its block freed, a hundred rounds later. */
static void load(double end)
{
	enum { ROUNDS = 100, MOST = 40 };
	static void *under_way[ROUNDS][MOST];

	for (unsigned i = 0; seconds_from_start() < end; i++) {
		void **round = under_way[i % ROUNDS];

		for (unsigned k = 0; k < MOST; k++) {
			free(round[k]);
			round[k] = k <= seconds_from_start() / end * MOST ? request(500) : NULL;
		}
		rest(MILLISECOND);
	}
}

/* 200 MB of small blocks, of which one in 64 stays: the allocator keeps nearly all of it. */
static void retention(double end)
{
	enum { BLOCKS = 200000 };
	static void *blocks[BLOCKS];

	for (unsigned i = 0; i < BLOCKS; i++)
		blocks[i] = allocate_here(1000);
	rest(200 * MILLISECOND);
	for (unsigned i = 0; i < BLOCKS; i++)
		if (i % 64)
			free(blocks[i]);
	while (seconds_from_start() < end)
		rest(50 * MILLISECOND);
}

/* Memory that malloc knows nothing of. */
static void external(double end)
{
	enum { STEP = 256 * 1024 };

	while (seconds_from_start() < end) {
		char *p = mmap(NULL, STEP, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p != MAP_FAILED)
			memset(p, 1, STEP);
		free(request(100));
		rest(20 * MILLISECOND);
	}
}

/* A server that keeps things for itself; of its two workers one forgets one request in fifty. */
static void workers(double end)
{
	enum { KEPT = 3000 };
	static void *kept[KEPT];
	pid_t worker[2];

	for (unsigned i = 0; i < KEPT; i++)
		kept[i] = allocate_here(200);
	for (int i = 0; i < 2; i++) {
		worker[i] = fork();
		if (!worker[i]) {
			leak(end, i ? 50 : 0);
			exit(0);
		}
	}
	waitpid(worker[0], NULL, 0);
	waitpid(worker[1], NULL, 0);
	for (unsigned i = 0; i < KEPT; i++)
		free(kept[i]);
}

/* Iterations of a test, each of which forgets one block and frees a hundred. */
static void marks(int n)
{
	void *volatile kept;

	for (int i = 0; i < n; i++) {
		for (int k = 0; k < 100; k++)
			free(request(300));
		kept = allocate_here(40);
		if (guard_mark)
			guard_mark("iteration");
	}
	(void)kept;
}

/* One block is forgotten each time that the file holds a new number, which is then part of another file's name. */
static void steps(const char *path)
{
	void *volatile kept;
	int last = 0, number;
	char done[4096];
	FILE *file;

	for (;;) {
		free(request(300));
		file = fopen(path, "r");
		number = last;
		if (file && fscanf(file, "%d", &number) != 1)
			number = last;
		if (file)
			fclose(file);
		if (number != last) {
			kept = allocate_here(40);
			last = number;
			snprintf(done, sizeof(done), "%s.%d", path, number);
			fclose(fopen(done, "w"));
		}
		rest(5 * MILLISECOND);
	}
	(void)kept;
}

int main(int argc, char **argv)
{
	double end = argc > 2 ? atof(argv[2]) : 10;

	if (argc < 2)
		return 2;
	if (!strcmp(argv[1], "leak"))
		leak(end, 100);
	else if (!strcmp(argv[1], "no_leak"))
		leak(end, 0);
	else if (!strcmp(argv[1], "growth"))
		growth(end);
	else if (!strcmp(argv[1], "cache"))
		cache(end);
	else if (!strcmp(argv[1], "load"))
		load(end);
	else if (!strcmp(argv[1], "retention"))
		retention(end);
	else if (!strcmp(argv[1], "external"))
		external(end);
	else if (!strcmp(argv[1], "workers"))
		workers(end);
	else if (!strcmp(argv[1], "marks"))
		marks((int)end);
	else if (!strcmp(argv[1], "steps") && argc > 2)
		steps(argv[2]);
	return 0;
}
