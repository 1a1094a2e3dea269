/*
 * The fuzz driver -- seeds, mutations, and the input that broke something.
 *
 *   fuzz_X [--seconds N | --runs N] [--seed N]    mutate the target's seeds; the same inputs in every run of a seed
 *   fuzz_X FILE...                                run these inputs alone
 *
 * When a target stops the program, the input is written to fuzz-crash.bin in the current
 * directory. Without sanitizers it still finds aborts and crashes.
 */
#include "tests/fuzz/fuzz.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#ifdef FUZZ_SANITIZED
#include <sanitizer/common_interface_defs.h>
#endif

#define LONGEST (256u * 1024)
#define SEEDS 256u

struct input {
	uint8_t *data;
	size_t size;
};

volatile uint64_t fuzz_read;

static struct input seeds[SEEDS];
static unsigned n_seeds;
static struct input current;
static uint64_t state = 1, runs;

static uint64_t draw(uint64_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return below ? (state >> 11) % below : 0;
}

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

static void run(const uint8_t *data, size_t size)
{
	/* Of its own and of this size, so that a read behind it is seen. */
	current.data = malloc(size ? size : 1);
	if (!current.data)
		exit(1);
	memcpy(current.data, data, size);
	current.size = size;
	LLVMFuzzerTestOneInput(current.data, size);
	free(current.data);
	runs++;
}

/* Values at which lengths and offsets go wrong. */
static uint64_t interesting(void)
{
	static const uint64_t values[] = {0,	      1,
					  7,	      8,
					  24,	      63,
					  64,	      65,
					  127,	      128,
					  255,	      256,
					  4095,	      4096,
					  65535,      65536,
					  65537,      0x7fffffff,
					  0x80000000, 0xffffffc0,
					  0xfffffff8, ~0u,
					  1u << 24,   ~UINT64_C(0),
					  INT64_MAX,  UINT64_C(1) << 63,
					  1000000000};

	return values[draw(sizeof(values) / sizeof(values[0]))];
}

static void overwrite(uint8_t *data, size_t size)
{
	static const size_t widths[] = {1, 2, 4, 4, 8};
	size_t width = widths[draw(5)], at;
	uint64_t value = 0;

	if (size < width)
		return;
	at = draw(size - width + 1) / width * width;
	memcpy(&value, data + at, width);
	switch (draw(3)) {
	case 0:
		value = interesting();
		break;
	case 1:
		value += draw(65) - 32;
		break;
	default:
		value ^= UINT64_C(1) << draw(8 * width);
	}
	memcpy(data + at, &value, width);
}

/* Copies a piece of any seed over, or into, the input. Returns the new size. */
static size_t graft(uint8_t *data, size_t size)
{
	const struct input *other = &seeds[draw(n_seeds)];
	size_t from = draw(other->size) & ~(size_t)(draw(2) ? 7 : 0), n = draw(other->size - from + 1);
	size_t at = draw(size + 1) & ~(size_t)(draw(2) ? 7 : 0);

	if (draw(2)) {
		n = n < size - at ? n : size - at;
	} else {
		n = n < LONGEST - size ? n : LONGEST - size;
		memmove(data + at + n, data + at, size - at);
		size += n;
	}
	memcpy(data + at, other->data + from, n);
	return size;
}

static size_t cut(uint8_t *data, size_t size)
{
	size_t at = draw(size + 1), n = draw(size - at + 1);

	if (draw(4) == 0)
		return at;
	n = n < 256 ? n : draw(256);
	memmove(data + at, data + at + n, size - at - n);
	return size - n;
}

static void mutate_and_run(void)
{
	static uint8_t data[LONGEST];
	const struct input *seed = &seeds[draw(n_seeds)];
	size_t size = seed->size;
	uint64_t mutations = 1 + draw(draw(8) ? 4 : 32);

	memcpy(data, seed->data, size);
	while (mutations--) {
		uint64_t kind = draw(16);

		if (kind == 0)
			size = cut(data, size);
		else if (kind <= 2)
			size = graft(data, size);
		else
			overwrite(data, size);
	}
	run(data, size);
}

static int run_file(const char *path)
{
	static uint8_t data[LONGEST];
	FILE *file = fopen(path, "rb");

	if (!file) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return 1;
	}
	run(data, fread(data, 1, sizeof(data), file));
	fclose(file);
	return 0;
}

static void make_seeds(void)
{
	static uint8_t data[LONGEST];
	size_t size;

	while (n_seeds < SEEDS && (size = fuzz_seed(n_seeds, data, sizeof(data)))) {
		seeds[n_seeds].data = malloc(size);
		if (!seeds[n_seeds].data)
			exit(1);
		memcpy(seeds[n_seeds].data, data, size);
		seeds[n_seeds++].size = size;
		run(data, size);
	}
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	uint64_t seconds = 0, most = 0;
	double begin = now();
	bool files = false;
	int i, r = 0;

#ifdef FUZZ_SANITIZED
	__sanitizer_set_death_callback(save);
#endif
	signal(SIGABRT, die);
	for (i = 1; i < argc; i++) {
		bool more = i + 1 < argc;

		if (more && !strcmp(argv[i], "--seconds")) {
			seconds = strtoull(argv[++i], NULL, 10);
		} else if (more && !strcmp(argv[i], "--runs")) {
			most = strtoull(argv[++i], NULL, 10);
		} else if (more && !strcmp(argv[i], "--seed")) {
			state = strtoull(argv[++i], NULL, 10) | 1;
		} else {
			r |= run_file(argv[i]);
			files = true;
		}
	}
	if (files)
		return r;
	make_seeds();
	run((const uint8_t *)"", 0);
	while (most ? runs < most : now() - begin < (double)(seconds ? seconds : 1))
		mutate_and_run();
	printf("%llu inputs from %u seeds\n", (unsigned long long)runs, n_seeds);
	for (i = 0; i < (int)n_seeds; i++)
		free(seeds[i].data);
	return 0;
}
