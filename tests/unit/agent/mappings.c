/*
 * Tests of agent/mappings: what has grown, by name, and how often it is looked at.
 */
#include "agent/mappings.h"
#include "tests/unit/agent/agent.h"

#define MEGABYTE (UINT64_C(1) << 20)
#define SECOND UINT64_C(1000000000)

static const struct wire_mapping *mapping(const char *name)
{
	for (unsigned i = 0; i < REGION_MAPPINGS; i++)
		if (!strcmp(store->mappings[i].name, name))
			return &store->mappings[i];
	return NULL;
}

static void look(uint64_t seconds, uint64_t rss)
{
	struct wire_sample sample = {.time_ns = seconds * SECOND, .rss = rss};

	mappings_look(&sample);
}

static void *grow(size_t size, int flags, int fd)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);

	if (p == MAP_FAILED)
		abort();
	return memset(p, 1, size);
}

static void test_growth(void)
{
	char path[] = "/dev/shm/guard-mappings-XXXXXX";
	int fd;

	agent_begin(64 * MEGABYTE);
	fd = mkstemp(path);
	if (fd < 0 || ftruncate(fd, 8 * MEGABYTE) < 0)
		exit(77);
	look(1, 10 * MEGABYTE);
	CHECK(!store->mappings[0].name[0]); /* nothing has grown yet */
	grow(16 * MEGABYTE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	grow(8 * MEGABYTE, MAP_SHARED, fd);
	look(1, 40 * MEGABYTE); /* too soon */
	CHECK(!store->mappings[0].name[0]);
	look(1000, 10 * MEGABYTE + MEGABYTE / 2); /* RSS has not moved */
	CHECK(!store->mappings[0].name[0]);
	look(1000, 40 * MEGABYTE);
	CHECK_TEXT(store->mappings[0].name, "anonymous"); /* the most first */
	CHECK_NEAR((double)(mapping("anonymous")->now - mapping("anonymous")->before), 16.0 * MEGABYTE, 1.0 * MEGABYTE);
	if (check_note(mapping(path) != NULL))
		CHECK_NEAR((double)(mapping(path)->now - mapping(path)->before), 8.0 * MEGABYTE, 0.1 * MEGABYTE);
	unlink(path);
	mappings_postfork_child();
	look(2, 40 * MEGABYTE);
	CHECK(!store->mappings[0].name[0]);
}

static void *stack_user(void *unused)
{
	volatile char room[2 * MEGABYTE];

	(void)unused;
	for (size_t i = 0; i < sizeof(room); i += 4096)
		room[i] = 1;
	look(1000, 40 * MEGABYTE);
	return NULL;
}

static void test_thread_stacks(void)
{
	pthread_t user;

	agent_begin(64 * MEGABYTE);
	look(1, 10 * MEGABYTE);
	if (pthread_create(&user, NULL, stack_user, NULL) == 0)
		pthread_join(user, NULL);
	if (check_note(mapping("thread stacks") != NULL))
		CHECK_RANGE(mapping("thread stacks")->now, 2 * MEGABYTE, 3 * MEGABYTE);
}

int main(void)
{
	CASE(test_growth);
	CASE(test_thread_stacks);
	return check_result();
}
