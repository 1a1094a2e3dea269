/*
 * Exactness -- see exactness.h.
 */
#include "analyzer/exactness.h"
#include "analyzer/words.h"
#include <stdarg.h>
#include <stdio.h>

static const struct {
	uint32_t flag;
	const char *reason;
} losses[] = {
	{LOST_REGION_FULL, "there was no room for some callsites, counts or modules"},
	{LOST_BLOCK_MAP, "there was no memory for the map of blocks, so some blocks are missing"},
	{LOST_HUGE_TABLE, "there were too many live blocks of 128 MB and more at once, and some are missing"},
	{LOST_INHERITED, "forked without fork handlers: what was allocated before the fork is an estimate"},
	{LOST_REGION_SHARED, "there was no memfd, so a last state does not outlive the process"},
	{LOST_THREAD, "some threads had no counters for a time, so some allocations and frees are missing"},
	{LOST_OPERATORS, "the allocator has C++ operators of its own: what they allocate is not counted"},
};
#define KNOWN_LOSSES (2u * LOST_OPERATORS - 1) /* LOST_MODE is told by mode */

static const char *const dormancies[N_DORMANT] = {
	[DORMANT_EXECUTABLE] = "the executable has an allocator of its own (a sanitizer's may be one)",
	[DORMANT_LIBRARY] = "another library with an allocator comes before the agent",
	[DORMANT_ASAN] = "the program is built with AddressSanitizer, which has an allocator of its own",
	[DORMANT_TSAN] = "the program is built with ThreadSanitizer, which has an allocator of its own",
	[DORMANT_MSAN] = "the program is built with MemorySanitizer, which has an allocator of its own",
	[DORMANT_HWASAN] = "the program is built with HWAddressSanitizer, which has an allocator of its own",
	[DORMANT_LSAN] = "the program is built with LeakSanitizer, which has an allocator of its own",
	[DORMANT_VALGRIND] = "the program runs under valgrind, which replaces the allocator",
	[DORMANT_NO_MEMORY] = "there was no memory for the agent when the program started",
	[DORMANT_NOT_WIPED] = "no memory can be wiped on fork: Linux before 4.14, or an emulator",
};

__attribute__((format(printf, 2, 3))) static void add(struct exactness *exactness, const char *format, ...)
{
	va_list arguments;

	if (exactness->n == EXACTNESS_REASONS)
		return;
	va_start(arguments, format);
	vsnprintf(exactness->reasons[exactness->n++], sizeof(exactness->reasons[0]), format, arguments);
	va_end(arguments);
}

/* Has been in this mode; *time says whether it still is. */
static bool has_been(const struct wire_agent *agent, unsigned mode, const char **time)
{
	*time = agent->mode == mode ? "" : " for a time";
	return agent->mode == mode || agent->modes & 1u << mode;
}

static void judge_modes(struct exactness *exactness, const struct wire_agent *agent)
{
	char bytes[WORD_MAX];
	const char *time;

	if (has_been(agent, MODE_SAMPLED, &time))
		add(exactness,
		    "mode sampled%s, sample_bytes %s: figures are estimates, their standard errors are with them", time,
		    format_bytes((double)agent->sample_bytes, bytes));
	if (has_been(agent, MODE_COUNTS, &time))
		add(exactness, "mode counts%s: totals are exact, but the blocks counted then have no stack", time);
	if (has_been(agent, MODE_OFF, &time))
		add(exactness, "mode off%s: what was allocated then is missing", time);
	if (agent->governed)
		add(exactness, "the agent cost more than overhead_budget, so it left mode exact");
}

void exactness_judge(struct exactness *exactness, const struct process *process)
{
	const struct wire_agent *agent = &process->agent;
	char n[WORD_MAX];

	exactness->n = 0;
	if (agent->dormant) {
		const char *why = agent->dormant < N_DORMANT ? dormancies[agent->dormant] : NULL;

		add(exactness, "dormant: %s", why ? why : "for a reason that this version does not know");
		return;
	}
	judge_modes(exactness, agent);
	for (size_t i = 0; i < sizeof(losses) / sizeof(losses[0]); i++)
		if (agent->lost & losses[i].flag)
			add(exactness, "%s", losses[i].reason);
	if (agent->lost & ~KNOWN_LOSSES)
		add(exactness, "the agent lost something that this version does not know (flags %#x)",
		    agent->lost & ~KNOWN_LOSSES);
	if (agent->dropped && !agent->lost)
		add(exactness, "%s records found no room", format_count(agent->dropped, n));
	if (process->missing_frames)
		add(exactness, "%s frames of the stream are missing", format_count(process->missing_frames, n));
	if (process->malformed)
		add(exactness, "%s records of the stream made no sense", format_count(process->malformed, n));
	if (process->final_state == FINAL_NONE && process->end.how != END_RUNNING)
		add(exactness, "the last state did not arrive: these are the figures of the last snapshot (it outlives "
			       "the process where guardctl listened before it began, or where it runs as root)");
	if (process->n_modules == 0 && process->n_callsites == 0 && process->final_state == FINAL_NONE)
		add(exactness, "no snapshot has arrived yet");
}
