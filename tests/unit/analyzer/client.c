/*
 * Tests of analyzer/client and analyzer/query: a collector in a child process, agents' doubles in others, and the
 * questions of this process.
 */
#include "analyzer/client.h"
#include "analyzer/collector.h"
#include "analyzer/command.h"
#include "analyzer/stream.h"
#include "tests/unit/analyzer/agent_double.h"
#include "tests/unit/check.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

static struct collector collector;
static struct agent_double agent;
static char directory[] = "/tmp/guard-test-XXXXXX", path[64], lost[64];
static char answer[4096];
static unsigned n_verdicts;
static bool slow; /* an agent had no time to answer in time: the machine is busy */

static pid_t start_serve(void)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	if (collector_init(&collector) < 0 || collector_listen(&collector, path) < 0)
		abort();
	collector.keep_ended = 2;
	for (;;)
		collector_step(&collector, -1);
}

/* The agent's side of one question. */
static void answer_set(void)
{
	uint64_t frame[FRAME_MAX / 8];
	const struct wire_header *header = (const struct wire_header *)frame;
	const struct wire_record *record;
	struct wire_event event = {.kind = EVENT_WARNING};
	char *room;

	while (recv(agent.socket, frame, sizeof(frame), 0) > 0) {
		if (header->type == FRAME_CHECK) {
			double_snapshot(&agent, FRAME_SNAPSHOT); /* the regular one, which was on its way */
			double_count(&agent, 1, 0);
			double_answer(&agent);
			continue;
		}
		record = frame_next(header, NULL, NULL);
		if (header->type != FRAME_SET || header->stream != image_header(&agent.image)->stream || !record)
			abort();
		if (record_size(record) == 9 && !memcmp(record + 1, "window=33", 9)) {
			double_answer(&agent);
			continue;
		}
		if (record_size(record) == 9 && !memcmp(record + 1, "window=55", 9)) {
			double_snapshot(&agent, FRAME_SNAPSHOT);
			continue;
		}
		frame_begin(&agent.builder, FRAME_EVENT, 0);
		room = frame_record(&agent.builder, WIRE_EVENT, sizeof(event) + 8);
		memcpy(room, &event, sizeof(event));
		memcpy(room + sizeof(event), "too late", 8);
		frame_end(&agent.builder, FRAME_LAST);
	}
	_exit(0);
}

static pid_t start_agent(bool answers)
{
	int ready[2];
	pid_t pid;
	char byte;

	if (pipe(ready) < 0)
		abort();
	pid = fork();
	if (pid == 0) {
		double_init(&agent, 0);
		image_header(&agent.image)->verdict.state = VERDICT_LEAK;
		double_count(&agent, 10, 0);
		double_connect(&agent, path, true);
		if (write(ready[1], "", 1) != 1)
			abort();
		if (answers)
			answer_set();
		pause();
	}
	close(ready[1]);
	CHECK_EQ(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

static void take(void *context, const struct wire_header *frame)
{
	const struct wire_record *record = NULL;

	(void)context;
	while ((record = frame_next(frame, record, NULL))) {
		if (record->kind == WIRE_TEXT)
			snprintf(answer + strlen(answer), sizeof(answer) - strlen(answer), "%.*s\n",
				 (int)record_size(record), (const char *)(record + 1));
		n_verdicts += record->kind == WIRE_VERDICT &&
			      ((const struct wire_verdict *)(record + 1))->state == VERDICT_LEAK;
	}
}

static int ask(unsigned what, int pid, const char *text)
{
	answer[0] = '\0';
	n_verdicts = 0;
	return client_ask(path, what, pid, text, take, NULL);
}

/* Asks until the answer is this one, and holds the text; in the end it has to. */
static void await_answer(unsigned what, int pid, int code, const char *text)
{
	uint64_t limit = now_ms() + 20000;

	while ((ask(what, pid, NULL) != code || !strstr(answer, text)) && now_ms() < limit)
		usleep(1000);
	CHECK_EQ(ask(what, pid, NULL), code);
	CHECK(strstr(answer, text) != NULL);
}

static void check_fetch(int pid, uint64_t blocks, enum end_how how, enum final_state final)
{
	struct process *process;
	struct model model;

	model_init(&model);
	CHECK_EQ(client_fetch(&model, path, pid), EXIT_FINE);
	process = model.processes;
	CHECK(process != NULL);
	if (process) {
		CHECK_EQ(process->wire.pid, pid);
		CHECK_TEXT(process->exe, "/double");
		CHECK_EQ(process_totals(process).allocated_blocks, blocks);
		CHECK_EQ(process->end.how, how);
		CHECK_EQ(process->final_state, final);
		CHECK_EQ(process->malformed, 0);
	}
	model_fini(&model);
}

static void await_listed(pid_t pid)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", pid);
	await_answer(QUERY_LIST, 0, EXIT_FINE, text);
}

static void test_talker(pid_t talker)
{
	uint64_t began = now_ms();

	CHECK_EQ(ask(QUERY_CHECK, talker, NULL), EXIT_FINE);
	CHECK_EQ(n_verdicts, 1);
	CHECK(strstr(answer, "1.1 KB") != NULL);
	check_fetch(talker, 12, END_RUNNING, FINAL_NONE);
	CHECK_EQ(ask(QUERY_SET, talker, "window=33"), EXIT_FINE);
	CHECK_EQ(ask(QUERY_SET, talker, "window=44"), EXIT_FAILED);
	slow = now_ms() - began >= ANSWER_MS;
}

static void test_live(pid_t silent)
{
	await_listed(silent);
	CHECK(strstr(answer, "running") != NULL);
	CHECK_EQ(ask(QUERY_CHECK, silent, NULL), EXIT_FINE);
	CHECK_EQ(n_verdicts, 1);
	CHECK(strstr(answer, "1000 B") != NULL);
	check_fetch(silent, 10, END_RUNNING, FINAL_NONE);
	CHECK_EQ(ask(QUERY_SET, silent, "window=33"), EXIT_FAILED);
	CHECK_EQ(ask(QUERY_CHECK, 1, NULL), EXIT_FAILED);
	CHECK_EQ(ask(77, 1, NULL), EXIT_FAILED);
}

static void test_ended(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	await_answer(QUERY_CHECK, pid, EXIT_FINE, "SIGKILL");
	check_fetch(pid, 10, END_SIGNAL, FINAL_POST_MORTEM);
	CHECK_EQ(ask(QUERY_CHECK, pid, NULL), EXIT_FINE);
	CHECK_EQ(n_verdicts, 1);
	CHECK(strstr(answer, "SIGKILL") != NULL);
	CHECK_EQ(ask(QUERY_SET, pid, "window=33"), EXIT_FAILED);
}

/* Only so many that ended are remembered. */
static void test_forgotten(pid_t first)
{
	for (unsigned i = 0; i < 2; i++) {
		pid_t pid = start_agent(false);

		await_listed(pid);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	await_answer(QUERY_CHECK, first, EXIT_FAILED, "");
}

/* Where nobody serves, the client listens itself until the agent has come. */
static void test_alone(void)
{
	pid_t pid = start_serve(), agents;

	agents = start_agent(false);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	kill(agents, SIGKILL);
	waitpid(agents, NULL, 0);
	agents = fork();
	if (agents == 0) {
		double_init(&agent, 0);
		double_count(&agent, 3, 0);
		double_connect(&agent, path, true);
		pause();
	}
	check_fetch(agents, 3, END_RUNNING, FINAL_NONE);
	kill(agents, SIGKILL);
	waitpid(agents, NULL, 0);
	CHECK(access(path, F_OK) < 0);
}

static void all(void)
{
	pid_t serve = start_serve(), talker = start_agent(true), silent = start_agent(false);

	await_listed(talker);
	test_talker(talker);
	CHECK_EQ(ask(QUERY_SET, talker, "window=55"), EXIT_FAILED); /* a snapshot is no answer */
	test_live(silent);
	test_ended(silent);
	test_forgotten(silent);
	kill(serve, SIGKILL);
	kill(talker, SIGKILL);
	waitpid(serve, NULL, 0);
	waitpid(talker, NULL, 0);
	test_alone();
}

/* Who had no time to answer is tried again: an answer that never comes is too late each time. */
int main(void)
{
	int status = 1;

	if (!mkdtemp(directory))
		return 77;
	snprintf(path, sizeof(path), "%s/s", directory);
	snprintf(lost, sizeof(lost), "%s/messages", directory);
	if (!freopen(lost, "w", stderr)) /* messages are not this test's output */
		return 77;
	for (int tries = 0; tries < 10; tries++) {
		pid_t pid = fork();

		if (pid == 0) {
			all();
			exit(check_result() == 0 ? 0 : slow ? 2 : 1);
		}
		if (waitpid(pid, &status, 0) < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 2)
			break;
		unlink(path);
	}
	unlink(lost);
	rmdir(directory);
	return status != 0;
}
