/*
 * Tests of analyzer/rundir: what a killed guardctl left behind goes, and nothing else does.
 */
#include "analyzer/rundir.h"
#include "protocol/socket.h"
#include "tests/unit/check.h"
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char place[] = "/tmp/guard-test-XXXXXX";

static const char *at(const char *name, const char *file)
{
	static char paths[4][256];
	static unsigned turn;
	char *path = paths[turn++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s%s%s", place, name, file ? "/" : "", file ? file : "");
	return path;
}

static bool is_there(const char *name)
{
	return access(at(name, NULL), F_OK) == 0;
}

/* A directory as guardctl makes it, `age` seconds old. Returns its listening socket. */
static int make(const char *name, unsigned age)
{
	struct timespec times[2] = {{.tv_sec = time(NULL) - age}, {.tv_sec = time(NULL) - age}};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un address;

	CHECK_EQ(mkdir(at(name, NULL), 0700), 0);
	CHECK_EQ(socket_address(&address, at(name, "s")), 0);
	CHECK_EQ(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	CHECK_EQ(listen(fd, 1), 0);
	CHECK_EQ(symlink("/nonexistent/libguard.so", at(name, "libguard.so")), 0);
	CHECK_EQ(utimensat(AT_FDCWD, at(name, NULL), times, 0), 0);
	return fd;
}

static void test_sweep(void)
{
	char path[RUNDIR_SIZE], second[RUNDIR_SIZE];
	int lives = make("guard-lives1", 100);

	close(make("guard-gone11", 100));
	close(make("guard-young1", 0));
	close(make("guard-e2e-11", 100)); /* not such a name */
	close(make("guard-shared", 100));
	CHECK_EQ(chmod(at("guard-shared", NULL), 0755), 0);
	CHECK_EQ(mkdir(at("guard-empty1", NULL), 0700), 0); /* may be anybody's */
	CHECK_EQ(symlink("guard-lives1", at("guard-link11", NULL)), 0);
	CHECK_EQ(rundir_make(path), 0);
	CHECK(strncmp(path, place, strlen(place)) == 0);
	CHECK(!is_there("guard-gone11"));
	CHECK(is_there("guard-young1"));
	CHECK(is_there("guard-e2e-11"));
	CHECK(is_there("guard-shared"));
	CHECK(is_there("guard-empty1"));
	CHECK(is_there("guard-link11"));
	CHECK(is_there("guard-lives1"));
	CHECK_EQ(access(at("guard-lives1", "s"), F_OK), 0);
	close(lives);
	CHECK_EQ(rundir_make(second), 0);
	CHECK(strcmp(path, second) != 0);
	CHECK(!is_there("guard-lives1"));
	rundir_remove(path);
	rundir_remove(second);
	CHECK(access(path, F_OK) < 0 && access(second, F_OK) < 0);
	rundir_remove("");
}

int main(void)
{
	char command[256], path[RUNDIR_SIZE];

	if (!mkdtemp(place))
		return 77;
	setenv("TMPDIR", place, 1);
	test_sweep();
	setenv("TMPDIR", "/nonexistent", 1);
	CHECK_EQ(rundir_make(path), 0);
	CHECK(strncmp(path, "/tmp/", 5) == 0);
	rundir_remove(path);
	snprintf(command, sizeof(command), "rm -r %s", place);
	CHECK_EQ(system(command), 0);
	return check_result();
}
