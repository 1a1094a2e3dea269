/*
 * The fuzz driver -- seeds, the kept corpus, inputs that reach new code, and the input that broke something.
 *
 *   fuzz_X [--corpus DIR] [--seconds N | --runs N] [--seed N]    mutate; what reaches new code is mutated further
 *   fuzz_X --corpus DIR --keep DIR --seconds N                   and write the smallest inputs that reach all of it
 *   fuzz_X FILE...                                               run these inputs alone
 *
 * When a target stops the program, the input is written to fuzz-crash.bin in the current
 * directory; so is one that runs longer than ten seconds of CPU time. Without sanitizers it still
 * finds aborts and crashes.
 */
#include "tests/fuzz/coverage.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/mutate.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#ifdef FUZZ_SANITIZED
#include <sanitizer/common_interface_defs.h>
#endif

#define POOL 16384u
#define KEPT_LONGEST 4096u /* bytes of an input that is kept for good */
#define LONGEST_S 10

volatile uint64_t fuzz_read;

static struct input pool[POOL]; /* seeds first, then the corpus, then what was found */
static unsigned n_pool, n_begun;
static struct input current;
static uint64_t runs;

/* The input goes to a file. Async-signal-safe: it runs when the program is about to die. */
static void save(void)
{
	int fd = open("fuzz-crash.bin", O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);
	static const char note[] = "the input is in fuzz-crash.bin\n";

	if (fd < 0 || write(fd, current.data, current.size) != (ssize_t)current.size || close(fd) < 0 ||
	    write(STDERR_FILENO, note, sizeof(note) - 1) < 0)
		_exit(1);
}

static void die(int signal_number)
{
	save();
	signal(signal_number, SIG_DFL);
	raise(signal_number);
}

/* UndefinedBehaviorSanitizer's own way out would pass us by. */
const char *__ubsan_default_options(void);
const char *__ubsan_default_options(void)
{
	return "abort_on_error=1:print_stacktrace=1";
}

static bool run(const uint8_t *data, size_t size)
{
	struct itimerval limit = {{0, 0}, {LONGEST_S, 0}};

	/* Of its own and of this size, so that a read behind it is seen. */
	current.data = malloc(size ? size : 1);
	if (!current.data)
		exit(1);
	memcpy(current.data, data, size);
	current.size = size;
	setitimer(ITIMER_VIRTUAL, &limit, NULL);
	coverage_begin();
	LLVMFuzzerTestOneInput(current.data, size);
	free(current.data);
	runs++;
	return coverage_end();
}

static void pool_add(const uint8_t *data, size_t size)
{
	struct input *input = &pool[n_pool < POOL ? n_pool++ : n_begun + draw(POOL - n_begun)];

	free(input->data);
	input->data = malloc(size ? size : 1);
	if (!input->data)
		exit(1);
	memcpy(input->data, data, size);
	input->size = size;
}

/* Half the time one of the last few that were found. */
static const struct input *pick(void)
{
	unsigned recent = n_pool - n_begun < 64 ? n_pool - n_begun : 64;

	return recent && draw(2) ? &pool[n_pool - 1 - draw(recent)] : &pool[draw(n_pool)];
}

static void mutate_and_run(void)
{
	static uint8_t data[INPUT_LONGEST];
	const struct input *from = pick();
	size_t size = from->size;

	memcpy(data, from->data, size);
	size = mutate(data, size, pick());
	if (run(data, size))
		pool_add(data, size);
}

static size_t read_file(const char *path, uint8_t *data)
{
	FILE *file = fopen(path, "rb");
	size_t size;

	if (!file) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		exit(1);
	}
	size = fread(data, 1, INPUT_LONGEST, file);
	fclose(file);
	return size;
}

static void make_seeds(const char *folder)
{
	static uint8_t data[INPUT_LONGEST];
	struct dirent **names = NULL;
	char path[4096];
	size_t size;
	int n = folder ? scandir(folder, &names, NULL, alphasort) : 0, i;

	for (; n_pool < POOL / 2 && (size = fuzz_seed(n_pool, data, sizeof(data))); run(data, size))
		pool_add(data, size);
	for (i = 0; i < n; i++) {
		if (names[i]->d_name[0] != '.' && n_pool < POOL / 2) {
			snprintf(path, sizeof(path), "%s/%s", folder, names[i]->d_name);
			size = read_file(path, data);
			run(data, size);
			pool_add(data, size);
		}
		free(names[i]);
	}
	free(names);
	run((const uint8_t *)"", 0);
	n_begun = n_pool;
}

static int by_size(const void *a, const void *b)
{
	const struct input *one = a, *other = b;

	return (one->size > other->size) - (one->size < other->size);
}

static void keep(const char *folder, const struct input *input)
{
	uint64_t name = UINT64_C(0xcbf29ce484222325);
	char path[4096];
	FILE *file;

	for (size_t i = 0; i < input->size; i++)
		name = (name ^ input->data[i]) * UINT64_C(0x100000001b3);
	snprintf(path, sizeof(path), "%s/%016llx", folder, (unsigned long long)name);
	file = fopen(path, "wb");
	if (!file || fwrite(input->data, 1, input->size, file) != input->size || fclose(file) != 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		exit(1);
	}
}

/* How many edges the input reaches that none before it did; not remembered. */
static unsigned edges_of(const uint8_t *data, size_t size)
{
	coverage_begin();
	LLVMFuzzerTestOneInput(data, size);
	return coverage_new_edges();
}

/* Cuts off what it does not need behind its end to reach as much. */
static void trim(struct input *input)
{
	unsigned edges = edges_of(input->data, input->size);
	size_t step = input->size / 2 & ~(size_t)7;

	for (; step >= 8; step = step / 2 & ~(size_t)7)
		while (input->size > step && edges_of(input->data, input->size - step) >= edges)
			input->size -= step;
}

/* The seeds come out of the target; of the others, smallest first, those that reach an edge not reached yet. */
static void keep_all(const char *folder, unsigned n_seeds)
{
	unsigned kept = 0;
	size_t bytes = 0;

	coverage_forget();
	for (unsigned i = 0; i < n_seeds; i++)
		run(pool[i].data, pool[i].size);
	qsort(pool + n_seeds, n_pool - n_seeds, sizeof(*pool), by_size);
	for (unsigned i = n_seeds; i < n_pool; i++) {
		if (!edges_of(pool[i].data, pool[i].size))
			continue;
		trim(&pool[i]);
		if (pool[i].size > KEPT_LONGEST)
			continue;
		run(pool[i].data, pool[i].size);
		keep(folder, &pool[i]);
		kept++;
		bytes += pool[i].size;
	}
	printf("%u inputs kept, %zu bytes, %u edges\n", kept, bytes, coverage_edges());
}

static unsigned count_seeds(void)
{
	static uint8_t data[INPUT_LONGEST];
	unsigned n = 0;

	while (fuzz_seed(n, data, sizeof(data)))
		n++;
	return n;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct wishes {
	uint64_t seconds, runs;
	const char *corpus, *keep;
};

/* Returns how many of the arguments were files, which are run at once. */
static unsigned read_arguments(struct wishes *wishes, int argc, char **argv)
{
	static uint8_t data[INPUT_LONGEST];
	unsigned files = 0;

	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : "";

		if (!strcmp(argv[i], "--seconds"))
			wishes->seconds = strtoull(value, NULL, 10);
		else if (!strcmp(argv[i], "--runs"))
			wishes->runs = strtoull(value, NULL, 10);
		else if (!strcmp(argv[i], "--seed"))
			draw_begin(strtoull(value, NULL, 10));
		else if (!strcmp(argv[i], "--corpus"))
			wishes->corpus = value;
		else if (!strcmp(argv[i], "--keep"))
			wishes->keep = value;
		else {
			run(data, read_file(argv[i], data));
			files++;
			continue;
		}
		i++;
	}
	return files;
}

int main(int argc, char **argv)
{
	struct wishes wishes = {.seconds = 1};
	double begin = now();

#ifdef FUZZ_SANITIZED
	__sanitizer_set_death_callback(save);
#endif
	signal(SIGABRT, die);
	signal(SIGVTALRM, die);
	if (read_arguments(&wishes, argc, argv))
		return 0;
	make_seeds(wishes.corpus);
	while (wishes.runs ? runs < wishes.runs : now() - begin < (double)wishes.seconds)
		mutate_and_run();
	printf("%llu inputs from %u seeds; %u more reach new code, %u edges\n", (unsigned long long)runs, n_begun,
	       n_pool - n_begun, coverage_edges());
	if (wishes.keep)
		keep_all(wishes.keep, count_seeds());
	while (n_pool)
		free(pool[--n_pool].data);
	return 0;
}
