/*
 * Tests of the collector against those who mean it ill: regions that lie or change while they are read, descriptors
 * that are none, connections that say nothing or too much, and users who have no business here.
 */
#include "analyzer/collector.h"
#include "analyzer/decode.h"
#include "analyzer/postmortem.h"
#include "tests/unit/analyzer/agent_double.h"
#include "tests/unit/check.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define ROUNDS 300
#define SILENT 2000
#define FEW 200u /* descriptors */

static struct collector collector;
static struct agent_double agent;
static char directory[] = "/tmp/guard-test-XXXXXX", path[64];

static void setup(void)
{
	CHECK_EQ(collector_init(&collector), 0);
	CHECK_EQ(collector_listen(&collector, path), 0);
}

/* --- regions ----------------------------------------------------------------------------- */

static bool stop;

/* Writes anything anywhere into the region, its header more often than the rest, and tries to cut it off. */
static void *spoil(void *argument)
{
	static const uint64_t values[] = {0, 1, 63, 64, UINT32_MAX, UINT64_MAX, DOUBLE_SIZE, UINT64_C(1) << 40};
	uint64_t state = 4711, *words = (uint64_t *)agent.image.base;
	uint64_t n_records = 4096 / 8, n_header = REGION_HEADER_SIZE / 8;

	(void)argument;
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		uint64_t at, value;

		state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
		value = state & 1 ? values[state >> 61] : state >> 7;
		at = state & 2 ? (state >> 20) % 1024 : n_header + (state >> 20) % n_records;
		__atomic_store_n(&words[at], at < 3 ? words[at] : value, __ATOMIC_RELAXED);
		if (!(state & 0xff00) && ftruncate(agent.memfd, 4096) == 0)
			abort();
	}
	return NULL;
}

static bool decode(void *model, const struct wire_header *frame)
{
	struct process *process;

	CHECK_EQ(frame_check(frame, frame->length), frame->length);
	decode_frame(model, frame, &process);
	return true;
}

static void test_changing_region(void)
{
	struct region_copy copy;
	struct model model;
	pthread_t writer;
	int good = 0;

	double_init(&agent, 0);
	for (uint32_t id = 2; id < 20; id++)
		image_callsite(&agent.image, id, (uint16_t)id);
	stop = false;
	CHECK_EQ(pthread_create(&writer, NULL, spoil, NULL), 0);
	for (int i = 0; i < ROUNDS; i++) {
		if (region_copy_read(&copy, agent.memfd) < 0)
			continue;
		good++;
		model_init(&model);
		region_copy_sample(&copy, getpid());
		CHECK_EQ(region_copy_tell(&copy, 1, FRAME_FINAL, true, decode, &model), 0);
		model_fini(&model);
		region_copy_fini(&copy);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(writer, NULL);
	CHECK(good > 0);
	munmap(agent.image.base, DOUBLE_SIZE);
	close(agent.memfd);
}

/* Much that is not there, and ids that nobody gave: what is read stays within what the liar has paid for. */
static void test_large_lies(void)
{
	struct region_header *header;
	struct region_copy copy;
	int fd;

	double_init(&agent, 0);
	header = image_header(&agent.image);
	image_callsite(&agent.image, REGION_CALLSITES - 1, 1);
	CHECK_EQ(region_copy_read(&copy, agent.memfd), 0);
	CHECK(copy.n_sums <= copy.view.size / REGION_LINE + 1);
	region_copy_fini(&copy);
	fd = memfd_create("holes", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	header->used = UINT64_MAX;
	CHECK(write(fd, header, REGION_HEADER_SIZE) == (ssize_t)REGION_HEADER_SIZE);
	CHECK_EQ(ftruncate(fd, (off_t)1 << 40), 0);
	CHECK_EQ(region_copy_read(&copy, fd), -EBADMSG); /* not sealed */
	CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	CHECK_EQ(region_copy_read(&copy, fd), -EBADMSG);
	CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), 0);
	CHECK_EQ(region_copy_read(&copy, fd), 0);
	CHECK(copy.view.size < 16u << 20);
	region_copy_fini(&copy);
	close(fd);
	munmap(agent.image.base, DOUBLE_SIZE);
	close(agent.memfd);
}

static void test_no_regions(void)
{
	struct region_copy copy;
	char name[96];
	int fds[4];

	snprintf(name, sizeof(name), "%s/pipe", directory);
	CHECK_EQ(mkfifo(name, 0600), 0);
	fds[0] = open(name, O_RDWR);
	fds[1] = open("/dev/zero", O_RDWR);
	fds[2] = open(directory, O_RDONLY);
	fds[3] = open("/proc/self/mem", O_RDWR);
	for (int i = 0; i < 4; i++) {
		CHECK(fds[i] >= 0);
		CHECK_EQ(region_copy_read(&copy, fds[i]), -EBADMSG);
		close(fds[i]);
	}
	unlink(name);
}

/* --- connections ------------------------------------------------------------------------- */

static int connect_once(void)
{
	struct sockaddr_un address;
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	socket_address(&address, path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static void good_agent(void)
{
	closefrom(STDERR_FILENO + 1); /* the collector's, which may be all there are */
	double_init(&agent, 0);
	double_count(&agent, 7, 0);
	double_connect(&agent, path, true);
	_exit(0);
}

static void await_ends(unsigned n)
{
	uint64_t limit = now_ms() + 60000;

	while (collector.n_ended < n && now_ms() < limit)
		collector_step(&collector, 50);
	CHECK_EQ(collector.n_ended, n);
}

static void raise_limit(rlim_t most)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = most < limit.rlim_max ? most : limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int status_of(pid_t pid)
{
	int status;

	waitpid(pid, &status, 0);
	return status;
}

/* Thousands who connect and say nothing: an agent gets in all the same, and they are sent away in the end. */
static void test_silent(void)
{
	const struct process *process;
	uint64_t limit;
	pid_t loris, good;

	setup();
	loris = fork();
	if (loris == 0) {
		raise_limit(SILENT + 100);
		for (int i = 0; i < SILENT; i++)
			connect_once();
		for (;;)
			pause();
	}
	for (limit = now_ms() + 60000; collector.n_accepted < SILENT && now_ms() < limit;)
		collector_step(&collector, 50);
	CHECK_EQ(collector.n_accepted, SILENT);
	good = fork();
	if (good == 0)
		good_agent();
	await_ends(1);
	CHECK_EQ(status_of(good), 0);
	CHECK_EQ(collector.n_seen, 1);
	CHECK_EQ(collector.n_turned_away, 0);
	process = collector.model.processes;
	CHECK(process && process_totals(process).allocated_blocks == 7); /* its region has come along */
	kill(loris, SIGKILL);
	status_of(loris);
	collector_fini(&collector);
}

/* The same with so few descriptors that only the longest silent one can make room. */
static void test_descriptors_taken(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		raise_limit(FEW);
		test_silent();
		fflush(stdout);
		_exit(check_failures ? 1 : 0);
	}
	CHECK_EQ(status_of(pid), 0);
}

/* One who never stops talking, and another who gets a word in. */
static void test_flood(void)
{
	pid_t flooder, good;

	setup();
	flooder = fork();
	if (flooder == 0) {
		double_init(&agent, 1);
		double_connect(&agent, path, true);
		while (!agent.builder.failed)
			double_snapshot(&agent, FRAME_SNAPSHOT);
		_exit(0);
	}
	while (collector.n_seen < 1)
		collector_step(&collector, 50);
	good = fork();
	if (good == 0)
		good_agent();
	await_ends(1);
	kill(flooder, SIGKILL);
	status_of(flooder);
	status_of(good);
	collector_fini(&collector);
}

static void test_other_user(void)
{
	pid_t pid;

	if (geteuid() != 0)
		return;
	setup();
	chmod(directory, 0755);
	chmod(path, 0777);
	pid = fork();
	if (pid == 0) {
		if (setresuid(65534, 65534, 65534) < 0 || connect_once() < 0)
			_exit(2);
		_exit(0);
	}
	while (collector.n_refused == 0 && collector_step(&collector, 5000) > 0)
		;
	CHECK_EQ(status_of(pid), 0);
	CHECK_EQ(collector.n_refused, 1);
	CHECK_EQ(collector.n_seen, 0);
	CHECK(collector.visitors == NULL);
	collector_fini(&collector);
}

int main(void)
{
	if (!mkdtemp(directory))
		return 77;
	snprintf(path, sizeof(path), "%s/s", directory);
	test_changing_region();
	test_large_lies();
	test_no_regions();
	test_silent();
	test_descriptors_taken();
	test_flood();
	test_other_user();
	rmdir(directory);
	return check_result();
}
