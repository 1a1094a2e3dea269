/*
 * Tests of agent/link: whole frames or none, no wait beyond what was asked, no descriptor of the host's ever touched.
 */
#include "agent/link.h"
#include "tests/unit/agent/agent.h"
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

static char directory[] = "/tmp/guard-test-XXXXXX";
static char *environment[] = {NULL};
static int listener = -1, peer = -1;
#define LIMIT_MS 20000 /* what takes longer has no end */
static uint64_t frame_room[FRAME_MAX / 8], received[FRAME_MAX / 8 + 1];

static void listen_at(const char *name, int backlog)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	options_default(&options);
	snprintf(options.socket, sizeof(options.socket), "%s/%s", directory, name);
	strcpy(address.sun_path, options.socket);
	listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, backlog))
		abort();
	link_init(environment);
}

static void connect_at(const char *name)
{
	listen_at(name, 5);
	CHECK(link_open());
	CHECK(link_is_open());
	peer = accept(listener, NULL, NULL);
	CHECK(peer >= 0);
}

static struct wire_header *frame(uint32_t length, unsigned char value)
{
	struct wire_header *header = (struct wire_header *)frame_room;

	memset(frame_room, value, length);
	*header = (struct wire_header){.magic = WIRE_MAGIC, .length = length, .type = FRAME_SNAPSHOT, .stream = value};
	return header;
}

/* The next message is this frame, to the last byte. */
static bool arrives(const struct wire_header *sent)
{
	ssize_t n = recv(peer, received, sizeof(received), MSG_DONTWAIT);

	return n == sent->length && !memcmp(received, sent, sent->length);
}

static void test_nobody(void)
{
	options_default(&options);
	snprintf(options.socket, sizeof(options.socket), "%s/nobody", directory);
	link_init(environment);
	errno = 4711;
	CHECK(!link_open());
	CHECK(!link_is_open());
	CHECK_EQ(link_descriptor(), -1);
	CHECK(!link_send(frame(24, 1), -1, 0));
	CHECK_EQ(link_receive(received), -1);
	link_close();
	CHECK_EQ(errno, 4711);
	CHECK_EQ(dup(0), 3); /* none stays */
	CHECK(fcntl(1023, F_GETFD) < 0);
	memset(options.socket, 'x', 300);
	link_init(environment);
	CHECK(!link_open());
}

static void test_descriptor(void)
{
	struct rlimit limit = {1024, 1024};

	setrlimit(RLIMIT_NOFILE, &limit);
	connect_at("descriptor");
	CHECK(link_descriptor() >= 900 && link_descriptor() < 1024);
	CHECK_EQ(fcntl(link_descriptor(), F_GETFD), FD_CLOEXEC);
	CHECK_EQ(dup(0), peer + 1);
	CHECK(link_open()); /* it is */
	CHECK_EQ(recv(peer, received, 8, MSG_DONTWAIT), -1);
}

static void test_few_descriptors(void)
{
	struct rlimit limit = {12, 12};

	setrlimit(RLIMIT_NOFILE, &limit);
	connect_at("few");
	while (dup(0) >= 0)
		;
	CHECK(link_send(frame(24, 1), -1, 0));
	CHECK(arrives(frame(24, 1)));
	link_close();
	CHECK(dup(0) >= 0); /* its place is free again, and nothing else is */
	CHECK(dup(0) < 0);
	CHECK(!link_open());
}

static void test_frames(void)
{
	static const uint32_t lengths[] = {24, 32, 1000, 4096, 32768, FRAME_MAX};
	struct msghdr message;
	struct iovec data = {received, sizeof(received)};
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr header;
	} control;
	struct stat a, b;
	int passed;

	connect_at("frames");
	for (unsigned i = 0; i < 6; i++) {
		CHECK(link_send(frame(lengths[i], (unsigned char)i), -1, 0));
		CHECK(arrives(frame(lengths[i], (unsigned char)i)));
	}
	CHECK(link_send(frame(64, 9), listener, 0));
	message = (struct msghdr){.msg_iov = &data,
				  .msg_iovlen = 1,
				  .msg_control = control.bytes,
				  .msg_controllen = sizeof(control.bytes)};
	CHECK_EQ(recvmsg(peer, &message, MSG_DONTWAIT), 64);
	CHECK(CMSG_FIRSTHDR(&message) != NULL && control.header.cmsg_type == SCM_RIGHTS);
	memcpy(&passed, CMSG_DATA(&control.header), sizeof(passed));
	CHECK(passed != listener && fstat(passed, &a) == 0 && fstat(listener, &b) == 0 && a.st_ino == b.st_ino);
}

static void test_receive(void)
{
	struct wire_header *sent = frame(4000, 3);

	connect_at("receive");
	CHECK_EQ(link_receive(received), 0);
	CHECK_EQ(send(peer, sent, 4000, 0), 4000);
	CHECK_EQ(link_receive(received), 4000);
	CHECK(!memcmp(received, sent, 4000));
	CHECK_EQ(send(peer, sent, 3992, 0), 3992); /* says more than it is */
	CHECK_EQ(link_receive(received), 0);
	CHECK_EQ(send(peer, "junk", 4, 0), 4);
	CHECK_EQ(link_receive(received), 0);
	sent = frame(FRAME_MAX, 4);
	CHECK_EQ(send(peer, sent, FRAME_MAX, 0), FRAME_MAX);
	CHECK_EQ(link_receive(received), FRAME_MAX);
	CHECK(link_is_open());
	close(peer);
	CHECK_EQ(link_receive(received), -1);
	CHECK(!link_is_open());
	CHECK_EQ(link_descriptor(), -1);
}

static void *drain_later(void *unused)
{
	usleep(30000);
	while (recv(peer, received, sizeof(received), MSG_DONTWAIT) > 0)
		;
	return unused;
}

static void test_full(void)
{
	uint64_t begin_ms;
	unsigned n = 0;
	pthread_t reader;

	connect_at("full");
	while (n < 10000 && link_send(frame(40000, (unsigned char)n), -1, 0))
		n++;
	CHECK(n >= 2 && n < 10000);
	begin_ms = now_ms();
	CHECK(!link_send(frame(40000, 1), -1, 50));
	CHECK(now_ms() - begin_ms >= 40 && now_ms() - begin_ms < LIMIT_MS);
	CHECK(link_is_open()); /* it was only full */
	for (unsigned i = 0; i < n; i++)
		CHECK(arrives(frame(40000, (unsigned char)i)));
	CHECK_EQ(recv(peer, received, sizeof(received), MSG_DONTWAIT), -1);
	while (link_send(frame(40000, 7), -1, 0))
		;
	pthread_create(&reader, NULL, drain_later, NULL);
	CHECK(link_send(frame(40000, 8), -1, LIMIT_MS));
	pthread_join(reader, NULL);
}

static void test_peer_gone(void)
{
	signal(SIGPIPE, SIG_DFL);
	connect_at("gone");
	close(peer);
	CHECK(!link_send(frame(64, 1), -1, 100)); /* and no SIGPIPE, which would end this process */
	CHECK(!link_is_open());
	CHECK(link_open()); /* a new one: the listener is still there */
	peer = accept(listener, NULL, NULL);
	CHECK(link_send(frame(64, 2), -1, 0));
	CHECK(arrives(frame(64, 2)));
	shutdown(peer, SHUT_RDWR);
	CHECK(!link_send(frame(64, 1), -1, 100));
	CHECK(!link_is_open());
}

/* The host closed a number that it did not open. */
static void test_closed_by_host(void)
{
	connect_at("closed");
	close(link_descriptor());
	CHECK_EQ(link_descriptor(), -1);
	CHECK(!link_send(frame(64, 1), -1, 0));
	CHECK(!link_is_open());
	link_close();
	CHECK(link_open());
	close(link_descriptor());
	CHECK_EQ(link_receive(received), -1);
	CHECK(!link_is_open());
}

/* And opened its own there: a socket of its own kind, with bytes to steal. */
static void replace(int *ours, int *others, int kind)
{
	int ends[2], number = link_descriptor();

	CHECK(number >= 0);
	if (kind ? socketpair(AF_UNIX, kind, 0, ends) : pipe(ends))
		abort();
	if (write(ends[1], "host", 4) != 4 || dup2(ends[0], number) != number)
		abort();
	*ours = number;
	*others = ends[1];
}

static void check_untouched(int ours, int others, int kind)
{
	struct pollfd p = {.fd = others, .events = POLLIN};
	char bytes[8];

	CHECK(fcntl(ours, F_GETFD) == 0); /* open, and not even its flags changed */
	CHECK_EQ(poll(&p, 1, 0) > 0 && p.revents & POLLIN, 0);
	CHECK_EQ(read(ours, bytes, sizeof(bytes)), 4);
	CHECK(!memcmp(bytes, "host", 4));
	if (kind)
		CHECK_EQ(write(ours, "x", 1), 1);
}

static void test_replaced_by_host(void)
{
	static const int kinds[] = {0, SOCK_STREAM, SOCK_SEQPACKET};
	int ours, others;

	listen_at("replaced", 100);
	for (unsigned i = 0; i < 15; i++) {
		CHECK(link_open());
		replace(&ours, &others, kinds[i % 3]);
		switch (i / 3) {
		case 0:
			CHECK(!link_send(frame(64, 1), -1, 10));
			break;
		case 1:
			CHECK_EQ(link_receive(received), -1);
			break;
		case 2:
			link_close();
			break;
		case 3:
			link_postfork_child();
			break;
		case 4:
			CHECK_EQ(link_descriptor(), -1);
			CHECK(link_open());
			CHECK(link_descriptor() != ours);
			break;
		}
		CHECK_EQ(link_is_open(), i / 3 == 4);
		check_untouched(ours, others, kinds[i % 3]);
	}
}

/* Someone else listens where the analyzer should. */
static void test_other_user(void)
{
	int ready[2], status;
	char byte;
	pid_t pid;

	if (geteuid() != 0)
		return;
	options_default(&options);
	snprintf(options.socket, sizeof(options.socket), "%s/other", directory);
	if (pipe(ready) || chmod(directory, 0777))
		abort();
	pid = fork();
	if (!pid) {
		if (setuid(65534))
			_exit(1);
		listen_at("other", 5);
		if (write(ready[1], "", 1) != 1 || read(ready[0], &byte, 0) || poll(NULL, 0, 20000))
			_exit(1);
		_exit(0);
	}
	CHECK_EQ(read(ready[0], &byte, 1), 1);
	link_init(environment);
	CHECK(!link_open());
	CHECK(!link_is_open());
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	chmod(directory, 0700);
}

/* Root may look at everybody's. */
static void test_root_listens(void)
{
	if (geteuid() != 0)
		return;
	chmod(directory, 0777);
	listen_at("root", 5);
	chmod(options.socket, 0777);
	if (setuid(65534))
		abort();
	CHECK(link_open());
}

/* An analyzer that does not come to accept. */
static void test_backlog(void)
{
	uint64_t begin_ms;
	unsigned n = 0;

	listen_at("backlog", 1);
	begin_ms = now_ms();
	while (n < 100 && link_open()) {
		n++;
		dup2(0, link_descriptor()); /* lost, so that the next one is new */
	}
	CHECK(n < 100);
	CHECK(now_ms() - begin_ms < LIMIT_MS);
}

static void test_sandbox(void)
{
	listen_at("sandbox", 5);
	process_sandbox = SANDBOX_FILTER;
	CHECK(!link_open());
	CHECK_EQ(dup(0), listener + 1);
}

static void close_inherited(void)
{
	int number = link_descriptor();

	link_postfork_child();
	CHECK(!link_is_open());
	CHECK(fcntl(number, F_GETFD) < 0);
	CHECK(link_lock(0));
	CHECK(link_open());
}

static void test_fork(void)
{
	connect_at("fork");
	CHECK(link_lock(0));
	CASE(close_inherited);
	CHECK(link_is_open());
	CHECK(link_send(frame(64, 5), -1, 0));
	CHECK(arrives(frame(64, 5)));
}

static void test_lock(void)
{
	uint64_t begin_ms;

	CHECK(link_lock(0));
	begin_ms = now_ms();
	CHECK(!link_lock(0));
	CHECK(!link_lock(20));
	CHECK(now_ms() - begin_ms >= 15 && now_ms() - begin_ms < LIMIT_MS);
	link_unlock();
	CHECK(link_lock(0));
	link_unlock();
}

int main(void)
{
	void (*const cases[])(void) = {test_nobody,	test_descriptor,     test_few_descriptors,
				       test_frames,	test_receive,	     test_full,
				       test_peer_gone,	test_closed_by_host, test_replaced_by_host,
				       test_other_user, test_root_listens,   test_backlog,
				       test_sandbox,	test_fork,	     test_lock};
	char command[64];

	if (!mkdtemp(directory))
		return 1;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (!check_note(in_child(cases[i]) == 0))
			printf("case %u failed\n", i);
	snprintf(command, sizeof(command), "rm -r %s", directory);
	CHECK_EQ(system(command), 0);
	return check_result();
}
