/*
 * The link. See link.h. System calls are raw: no errno, no cancellation, nobody's interposed socket().
 */
#include "agent/link.h"
#include "agent/process.h"
#include "agent/sys.h"
#include "protocol/frame.h"
#include "protocol/socket.h"
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

#define HIGHEST 65536 /* a descriptor above this would cost the host a larger table */
#define ROOM 64	      /* descriptors tried below the limit */

static struct sockaddr_un address;
static int connection = -1;
static dev_t device;
static ino_t inode;
static int lock;

void link_init(char *const *environment)
{
	char path[sizeof(address.sun_path)];

	address.sun_family = AF_UNSPEC;
	if (!socket_path(path, sizeof(path), options.socket, environment) && !socket_address(&address, path))
		address.sun_family = AF_UNIX;
}

/* Is the number still our socket? */
static bool is_ours(void)
{
	struct stat st;

	return connection >= 0 && sys3(SYS_fstat, connection, &st, 0) == 0 && S_ISSOCK(st.st_mode) &&
	       st.st_dev == device && st.st_ino == inode;
}

/* Out of the way of hosts that count on the lowest numbers; -1: there is no room up there, so no connection. */
static int move_up(int fd)
{
	struct rlimit limit = {1024, 1024};
	long low, moved;

	sys_call(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, (long)&limit, 0, 0);
	low = limit.rlim_cur > HIGHEST ? HIGHEST : (long)limit.rlim_cur;
	low = low > 2 * ROOM ? low - ROOM : low / 2;
	moved = sys3(SYS_fcntl, fd, F_DUPFD_CLOEXEC, low);
	sys3(SYS_close, fd, 0, 0);
	return (int)moved;
}

bool link_open(void)
{
	struct stat st;
	int fd, saved = errno;
	bool trusted;

	if (connection >= 0 && is_ours())
		return true;
	connection = -1;
	if (address.sun_family != AF_UNIX || process_sandbox)
		return false;
	fd = (int)sys3(SYS_socket, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	trusted = sys3(SYS_connect, fd, &address, sizeof(address)) == 0 && socket_peer_trusted(fd, NULL);
	errno = saved;
	if (!trusted) {
		sys3(SYS_close, fd, 0, 0);
		return false;
	}
	fd = move_up(fd);
	if (fd < 0)
		return false;
	if (sys3(SYS_fstat, fd, &st, 0) < 0) {
		sys3(SYS_close, fd, 0, 0);
		return false;
	}
	device = st.st_dev;
	inode = st.st_ino;
	connection = fd;
	return true;
}

void link_own_table(void)
{
	long pid, fd;

	/* Unshares without copying: nothing of the host's is held open, nothing flushed by closing it. */
	if (sys3(SYS_close_range, 0, ~0u, 2 /* CLOSE_RANGE_UNSHARE */) < 0 || connection < 0)
		return;
	pid = sys3(SYS_pidfd_open, sys3(SYS_getpid, 0, 0, 0), 0, 0);
	fd = sys3(SYS_pidfd_getfd, pid, connection, 0);
	if (fd >= 0)
		sys3(SYS_fcntl, fd, F_DUPFD_CLOEXEC, connection);
	sys3(SYS_close_range, 0, connection - 1, 0);
}

bool link_is_open(void)
{
	return connection >= 0;
}

int link_descriptor(void)
{
	return connection >= 0 && is_ours() ? connection : -1;
}

void link_close(void)
{
	if (is_ours())
		sys3(SYS_close, connection, 0, 0);
	connection = -1;
}

void link_postfork_child(void)
{
	if (process_sandbox)
		connection = -1;
	link_close();
	lock = 0;
}

static bool wait_writable(int wait_ms)
{
	struct pollfd p = {.fd = connection, .events = POLLOUT};

	return wait_ms > 0 && sys3(SYS_poll, &p, 1, wait_ms) > 0 && !(p.revents & (POLLERR | POLLHUP));
}

bool link_send(const struct wire_header *frame, int pass, int wait_ms)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr header;
	} control = {.header = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
	struct iovec data = {(void *)frame, frame->length};
	struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};
	long r;

	if (!is_ours()) {
		connection = -1;
		return false;
	}
	if (pass >= 0) {
		memcpy(CMSG_DATA(&control.header), &pass, sizeof(pass));
		message.msg_control = &control;
		message.msg_controllen = sizeof(control.bytes);
	}
	do {
		r = sys3(SYS_sendmsg, connection, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (r == -EINTR || (r == -EAGAIN && wait_writable(wait_ms)));
	if (r < 0 && r != -EAGAIN)
		link_close();
	return r == (long)frame->length;
}

long link_receive(void *buffer)
{
	long n;
	int64_t length;

	if (!is_ours()) {
		connection = -1;
		return -1;
	}
	n = sys_call(SYS_recvfrom, connection, (long)buffer, FRAME_MAX, MSG_DONTWAIT, 0, 0);
	if (n == -EAGAIN || n == -EINTR)
		return 0;
	if (n <= 0) {
		link_close();
		return -1;
	}
	length = frame_check(buffer, (size_t)n);
	return length == n ? n : 0;
}

bool link_lock(int wait_ms)
{
	struct timespec millisecond = {0, 1000000};

	while (__atomic_exchange_n(&lock, 1, __ATOMIC_ACQUIRE)) {
		if (wait_ms-- <= 0)
			return false;
		sys3(SYS_nanosleep, &millisecond, 0, 0);
	}
	return true;
}

void link_unlock(void)
{
	__atomic_store_n(&lock, 0, __ATOMIC_RELEASE);
}
