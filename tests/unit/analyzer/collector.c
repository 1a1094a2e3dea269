/*
 * Tests of analyzer/collector and what belongs to it: however a process ends, the model has its exact last
 * counts and how it ended.
 */
#include "analyzer/collector.h"
#include "analyzer/stream.h"
#include "tests/unit/analyzer/agent_double.h"
#include "tests/unit/check.h"
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#define LIMIT_MS 60000

static struct collector collector;
static struct agent_double agent;
static char directory[] = "/tmp/guard-test-XXXXXX", path[64];
static int ready[2] = {-1, -1}; /* a pipe of each test; a child writes when it is where the test wants it */

static void setup(void)
{
	close(ready[0]);
	close(ready[1]);
	CHECK_EQ(pipe(ready), 0);
	CHECK_EQ(collector_init(&collector), 0);
	CHECK_EQ(collector_listen(&collector, path), 0);
}

/* Steps until n processes have ended. */
static void await_ends(unsigned n)
{
	uint64_t limit = now_ms() + LIMIT_MS;

	while (collector.n_ended < n && now_ms() < limit)
		collector_step(&collector, 50);
	CHECK_EQ(collector.n_ended, n);
}

static void await_streams(unsigned n)
{
	uint64_t limit = now_ms() + LIMIT_MS;

	while (collector.n_seen < n && now_ms() < limit)
		collector_step(&collector, 50);
	CHECK_EQ(collector.n_seen, n);
}

static struct process *process_of(pid_t pid, unsigned generation)
{
	struct process *process = model_find(&collector.model, ((uint64_t)pid << 8) + generation);

	CHECK(process != NULL);
	if (!process)
		abort();
	return process;
}

static pid_t start(void (*body)(void))
{
	pid_t pid = fork();

	if (pid == 0) {
		double_init(&agent, 0);
		body();
		_exit(7);
	}
	return pid;
}

/* The main child, whose status the collector itself takes. */
static pid_t start_child(void (*body)(void))
{
	pid_t pid = start(body);

	CHECK_EQ(collector_follow_child(&collector, pid), 0);
	return pid;
}

static void check_counts(const struct process *process, uint64_t allocated, uint64_t freed)
{
	struct wire_counts totals = process_totals(process);

	CHECK_EQ(totals.allocated_blocks, allocated);
	CHECK_EQ(totals.allocated_bytes, allocated * 100);
	CHECK_EQ(totals.freed_blocks, freed);
	CHECK_EQ(process->malformed, 0);
	CHECK_EQ(process->missing_frames, 0);
}

static void say_final_then_free(void)
{
	double_connect(&agent, path, true);
	double_count(&agent, 10, 2);
	image_header(&agent.image)->end = (struct wire_end){.how = END_EXIT, .status = 7, .time_ns = 5};
	double_snapshot(&agent, FRAME_FINAL);
	double_count(&agent, 0, 3); /* after the agent's destructor */
}

static void test_final(void)
{
	struct process *process;
	pid_t pid;

	setup();
	pid = start_child(say_final_then_free);
	await_ends(1);
	process = process_of(pid, 0);
	CHECK_EQ(process->final_state, FINAL_AGENT);
	CHECK_EQ(process->end.how, END_EXIT);
	CHECK_EQ(process->end.status, 7);
	CHECK_EQ(process->end.time_ns, 5);
	CHECK_TEXT(process->exe, "/double");
	check_counts(process, 10, 5);
	CHECK(collector.child.ended);
	collector_fini(&collector);
}

static void be_killed(void)
{
	double_connect(&agent, path, true);
	double_snapshot(&agent, FRAME_SNAPSHOT);
	double_count(&agent, 1000, 1);
	kill(getpid(), SIGKILL);
}

static void test_killed(void)
{
	struct process *process;
	pid_t pid;

	setup();
	pid = start_child(be_killed);
	await_ends(1);
	process = process_of(pid, 0);
	CHECK_EQ(process->final_state, FINAL_POST_MORTEM);
	CHECK_EQ(process->end.how, END_SIGNAL);
	CHECK_EQ(process->end.signal, SIGKILL);
	CHECK(process->end.time_ns > 0);
	check_counts(process, 1000, 1);
	collector_fini(&collector);
}

/* A process that is nobody's child here: its status comes from the zombie, or from the pidfd. */
static void test_stranger(bool reaped_first)
{
	struct process *process;
	int status;
	pid_t pid;

	setup();
	pid = start(be_killed);
	if (reaped_first)
		CHECK_EQ(waitpid(pid, &status, 0), pid);
	await_ends(1);
	if (!reaped_first)
		CHECK_EQ(waitpid(pid, &status, 0), pid);
	process = process_of(pid, 0);
	CHECK(process->end.how == END_SIGNAL || (reaped_first && process->end.how == END_LOST));
	check_counts(process, 1000, 1);
	collector_fini(&collector);
}

static void become_another(void)
{
	double_connect(&agent, path, true);
	double_count(&agent, 5, 0);
	execl("/bin/sleep", "sleep", "100", NULL);
}

static void test_exec(void)
{
	struct process *process;
	pid_t pid;

	setup();
	pid = start_child(become_another);
	await_ends(1);
	CHECK(!collector.child.ended);
	process = process_of(pid, 0);
	CHECK_EQ(process->end.how, END_EXEC);
	CHECK_EQ(process->final_state, FINAL_POST_MORTEM);
	check_counts(process, 5, 0);
	collector_fini(&collector);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void lose_socket(void)
{
	double_connect(&agent, path, true);
	close(agent.socket); /* as hosts do that close all descriptors */
	double_count(&agent, 7, 0);
	usleep(200000);
	double_connect(&agent, path, true);
	double_count(&agent, 1, 0);
	double_snapshot(&agent, FRAME_SNAPSHOT);
	close(agent.socket);
	usleep(100000);
	double_count(&agent, 1, 0);
}

static void test_socket_lost(void)
{
	struct process *process;
	uint64_t limit = now_ms() + 150;
	pid_t pid;

	setup();
	pid = start_child(lose_socket);
	while (now_ms() < limit)
		collector_step(&collector, 10);
	CHECK_EQ(collector.n_ended, 0);
	await_ends(1);
	CHECK_EQ(collector.n_seen, 1);
	process = process_of(pid, 0);
	CHECK_EQ(process->end.how, END_EXIT);
	CHECK_EQ(process->end.status, 7);
	check_counts(process, 9, 0);
	collector_fini(&collector);
}

static void answer_or_not(bool answer)
{
	double_connect(&agent, path, true);
	double_count(&agent, 20, 0);
	if (write(ready[1], "", 1) != 1)
		abort();
	if (answer) {
		double_await(&agent, FRAME_CHECK);
		double_count(&agent, 1, 0);
		double_answer(&agent);
	}
	pause();
}

static void answer(void)
{
	answer_or_not(true);
}

static void stay_silent(void)
{
	answer_or_not(false);
}

static void test_check(void)
{
	struct process *process;
	uint64_t began;
	pid_t one, other;
	char byte;

	setup();
	one = start(answer);
	other = start(stay_silent);
	await_streams(2);
	CHECK_EQ(read(ready[0], &byte, 1) + read(ready[0], &byte, 1), 2);
	began = now_ms();
	streams_check(&collector);
	CHECK(now_ms() - began >= ANSWER_MS); /* for the one that says nothing */
	process = process_of(other, 0);
	check_counts(process, 20, 0);
	CHECK_EQ(process->n_samples, 1);
	CHECK(process->n_samples && process->samples[0].rss > 100000 && process->samples[0].live_bytes == 2000);
	CHECK_EQ(process->end.how, END_RUNNING);
	for (began = now_ms(); !stream_of_pid(&collector, one)->n_answers && now_ms() - began < LIMIT_MS;)
		collector_step(&collector, 50); /* on a busy machine the answer comes later */
	process = process_of(one, 0);
	check_counts(process, 21, 0);
	CHECK_EQ(process->final_state, FINAL_NONE);
	kill(one, SIGTERM);
	kill(other, SIGTERM);
	await_ends(2);
	CHECK_EQ(process_of(one, 0)->end.signal, SIGTERM);
	waitpid(one, NULL, 0);
	waitpid(other, NULL, 0);
	collector_fini(&collector);
}

static void speak_badly(void)
{
	const struct wire_header other = {WIRE_MAGIC, sizeof(other), FRAME_SNAPSHOT, FRAME_FULL, 9, 4711};
	int fds[2];

	double_connect(&agent, path, false);
	send(agent.socket, "garbage", 7, 0);
	double_send(&agent, &other);
	if (pipe(fds) < 0)
		abort();
	agent.memfd = fds[0]; /* no region at all */
	double_connect(&agent, path, true);
}

static void test_malformed(void)
{
	struct process *process;
	pid_t pid;

	setup();
	pid = start_child(speak_badly);
	await_ends(1);
	process = process_of(pid, 0);
	CHECK_EQ(process->malformed, 2);
	CHECK(!model_find(&collector.model, 4711));
	CHECK_EQ(process->final_state, FINAL_NONE);
	CHECK_EQ(process->end.how, END_EXIT);
	collector_fini(&collector);
}

/* A child that inherited the socket keeps it open; the parent's end is noticed all the same. */
static void leave_heir(void)
{
	double_connect(&agent, path, true);
	double_count(&agent, 3, 0);
	if (fork() == 0) {
		char byte;

		close(STDOUT_FILENO); /* who waits for the test's output need not wait for this */
		close(STDERR_FILENO);
		close(ready[1]);
		_exit(read(ready[0], &byte, 1) != 0); /* until the test ends */
	}
}

static void test_heir(void)
{
	setup();
	start_child(leave_heir);
	await_ends(1);
	collector_fini(&collector);
}

static void test_listen(void)
{
	struct collector *other = calloc(1, sizeof(*other));
	int fd;

	setup();
	CHECK_EQ(collector_init(other), 0);
	CHECK_EQ(collector_listen(other, path), -EADDRINUSE);
	collector.path[0] = '\0'; /* dies without a word */
	collector_fini(&collector);
	CHECK_EQ(collector_listen(other, path), 0);
	collector_fini(other);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	close(fd);
	CHECK_EQ(collector_init(other), 0);
	CHECK_EQ(collector_listen(other, path), -EEXIST);
	collector_fini(other);
	unlink(path);
	free(other);
}

int main(void)
{
	if (!mkdtemp(directory))
		return 77;
	snprintf(path, sizeof(path), "%s/s", directory);
	test_listen();
	test_final();
	test_killed();
	test_stranger(false);
	test_stranger(true);
	test_exec();
	test_socket_lost();
	test_check();
	test_malformed();
	test_heir();
	rmdir(directory);
	return check_result();
}
