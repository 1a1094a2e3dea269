/*
 * Tests of protocol/socket: where the default lies, what does not fit, whose directory is refused, who is trusted.
 */
#include "protocol/socket.h"
#include "tests/unit/check.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_path(void)
{
	const char *with_[] = {"A=b", "XDG_RUNTIME_DIRX=/no", "XDG_RUNTIME_DIR=/run/user/1", NULL};
	const char *relative_[] = {"XDG_RUNTIME_DIR=run", NULL}, *empty_[] = {"XDG_RUNTIME_DIR=", NULL};
	char *const *with = (char *const *)with_, *const *relative = (char *const *)relative_;
	char *const *empty = (char *const *)empty_;
	char path[108], fallback[64];

	if (geteuid() == 0)
		strcpy(fallback, "/run/guard/guard.sock");
	else
		snprintf(fallback, sizeof(fallback), "/tmp/guard-%u/guard.sock", (unsigned)geteuid());
	CHECK_EQ(socket_path(path, sizeof(path), "/my/own", with), 0);
	CHECK_TEXT(path, "/my/own");
	CHECK_EQ(socket_path(path, sizeof(path), "", with), 0);
	CHECK_TEXT(path, "/run/user/1/guard.sock");
	CHECK_EQ(socket_path(path, sizeof(path), NULL, relative), 0);
	CHECK_TEXT(path, fallback);
	CHECK_EQ(socket_path(path, sizeof(path), NULL, empty), 0);
	CHECK_TEXT(path, fallback);
	CHECK_EQ(socket_path(path, sizeof(path), NULL, NULL), 0);
	CHECK_TEXT(path, fallback);
	CHECK_EQ(socket_path(path, 8, "/my/own", with), 0);
	CHECK_EQ(socket_path(path, 7, "/my/own", with), -ENAMETOOLONG);
	CHECK_EQ(socket_path(path, 22, NULL, with), -ENAMETOOLONG);
	CHECK_EQ(socket_path(path, 23, NULL, with), 0);
	CHECK_EQ(socket_path(path, 0, NULL, with), -ENAMETOOLONG);
}

static void test_address(void)
{
	struct sockaddr_un address;
	char path[200];

	memset(path, 'a', sizeof(path));
	path[107] = '\0';
	CHECK_EQ(socket_address(&address, path), 0);
	CHECK_EQ(address.sun_family, AF_UNIX);
	CHECK_TEXT(address.sun_path, path);
	path[107] = 'a';
	path[108] = '\0';
	CHECK_EQ(socket_address(&address, path), -ENAMETOOLONG);
}

/* As a user of our own when we are root, so that no directory in use is touched. */
static void test_directory(void)
{
	char directory[64], path[108];
	struct stat st;

	if (geteuid() == 0 && setresuid(51234, 51234, 51234) < 0)
		return;
	snprintf(directory, sizeof(directory), "/tmp/guard-%u", (unsigned)geteuid());
	socket_path(path, sizeof(path), NULL, NULL);
	CHECK_EQ(socket_prepare_directory("/nowhere/at/all/guard.sock"), 0);
	if (lstat(directory, &st) == 0)
		return; /* somebody's in use */
	umask(0);
	CHECK_EQ(socket_prepare_directory(path), 0);
	CHECK_EQ(socket_prepare_directory(path), 0);
	CHECK(lstat(directory, &st) == 0 && S_ISDIR(st.st_mode) && (st.st_mode & 07777) == 0700);
	chmod(directory, 0750);
	CHECK_EQ(socket_prepare_directory(path), -EPERM);
	rmdir(directory);
	CHECK_EQ(symlink("/tmp", directory), 0);
	CHECK_EQ(socket_prepare_directory(path), -EPERM);
	unlink(directory);
	close(open(directory, O_CREAT | O_WRONLY, 0600));
	CHECK_EQ(socket_prepare_directory(path), -EPERM);
	unlink(directory);
}

/* Is the other end trusted when it was made by this user? */
static bool trusted(uid_t us, uid_t peer)
{
	int fds[2], pid = 0, status = 1;
	pid_t child = fork();

	if (child == 0) {
		bool good = setresuid(peer, peer, 0) == 0 && socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds) == 0 &&
			    setresuid((uid_t)-1, 0, (uid_t)-1) == 0 && setresuid(us, us, us) == 0;

		_exit(good && socket_peer_trusted(fds[0], &pid) && pid == getpid() ? 0 : 1);
	}
	waitpid(child, &status, 0);
	return status == 0;
}

static void test_trust(void)
{
	int fds[2], pid = 0;

	CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
	CHECK(socket_peer_trusted(fds[0], &pid));
	CHECK_EQ(pid, getpid());
	CHECK(socket_peer_trusted(fds[1], NULL));
	CHECK(!socket_peer_trusted(-1, &pid));
	if (geteuid() != 0)
		return;
	CHECK(trusted(51234, 51234));
	CHECK(trusted(51234, 0));
	CHECK(!trusted(51234, 51235));
	CHECK(!trusted(0, 51234));
}

int main(void)
{
	int status = 1;

	test_path();
	test_address();
	test_trust();
	fflush(stdout);
	if (fork() == 0) {
		test_directory();
		fflush(stdout);
		_exit(check_failures != 0);
	}
	wait(&status);
	CHECK_EQ(status, 0);
	return check_result();
}
