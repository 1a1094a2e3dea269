/*
 * Programs in C++: operators new, exceptions, containers.
 */
#include "program.h"
#include <list>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#define KEEP __attribute__((noinline, noclone))

struct alignas(64) line {
	char bytes[128];
};

static void *volatile last;

KEEP static void leak_new_array(struct program_run *run)
{
	last = program_use(new char[88], 88);
	program_lost(run, __func__, 88);
}

KEEP static void leak_new_aligned(struct program_run *run)
{
	last = program_use(new line, sizeof(line));
	program_lost(run, __func__, sizeof(line));
}

static void new_array(struct program_run *run)
{
	while (program_step(run)) {
		delete[] static_cast<char *>(program_use(new char[200], 200));
		leak_new_array(run);
	}
}

static void new_aligned(struct program_run *run)
{
	while (program_step(run))
		leak_new_aligned(run);
}

/* The owner is a bare pointer, and one call in ten throws before it is deleted. */
KEEP static void parse(struct program_run *run)
{
	char *scratch = static_cast<char *>(program_use(new char[150], 150));

	if (program_random(run, 10) == 0) {
		program_lost(run, __func__, 150);
		throw std::runtime_error("bad input");
	}
	delete[] scratch;
}

static void lost_by_throw(struct program_run *run)
{
	while (program_step(run)) {
		for (int i = 0; i < 5; i++) {
			try {
				parse(run);
			} catch (const std::runtime_error &) {
			}
		}
	}
}

struct object {
	std::shared_ptr<object> other;
	char body[70];
};

KEEP static void tie(struct program_run *run)
{
	auto a = std::make_shared<object>(), b = std::make_shared<object>();

	a->other = b;
	if (run->steps % 2 == 0)
		return;
	b->other = a;
	program_lost(run, __func__, sizeof(object) + 16);
	program_lost(run, __func__, sizeof(object) + 16);
}

static void shared_cycle(struct program_run *run)
{
	while (program_step(run))
		tie(run);
}

KEEP static void remember(struct program_run *run, std::map<uint64_t, std::string> &seen)
{
	seen.emplace(run->steps, std::string(60, 'x'));
	program_lost(run, __func__, 61);
	program_lost(run, __func__, 4 * sizeof(void *) + sizeof(std::pair<const uint64_t, std::string>));
}

static void map_grows(struct program_run *run)
{
	auto *seen = new std::map<uint64_t, std::string>;

	while (program_step(run))
		remember(run, *seen);
	last = seen;
}

static void containers(struct program_run *run)
{
	std::list<std::string> recent;
	std::map<uint32_t, std::vector<int>> table;

	while (program_step(run)) {
		recent.emplace_front(40 + program_random(run, 60), 'y');
		if (recent.size() > 200)
			recent.pop_back();
		table[program_random(run, 100)].assign(10 + program_random(run, 50), 1);
	}
}

static void pointers(struct program_run *run)
{
	std::vector<std::unique_ptr<std::string>> held;

	while (program_step(run)) {
		held.push_back(std::make_unique<std::string>(100, 'z'));
		if (held.size() > 300)
			held.clear();
	}
}

extern "C" const struct program programs_objects[] = {
	{"new_array", "growth", "leak", "new[] without delete[]", new_array},
	{"new_aligned", "growth", "leak", "aligned new", new_aligned},
	{"lost_by_throw", "leak", nullptr, "an exception passes a bare owner", lost_by_throw},
	{"shared_cycle", "leak", "growth", "shared pointers in a cycle, every other time", shared_cycle},
	{"map_grows", "growth", "leak", "a map that is never emptied", map_grows},
	{"containers", "stable", "warm_up", "containers of bounded size", containers},
	{"pointers", "stable", "warm_up", "a vector that is cleared when it is full", pointers},
	{nullptr, nullptr, nullptr, nullptr, nullptr},
};
