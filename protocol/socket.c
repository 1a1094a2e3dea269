/*
 * The socket -- path, directory, address and trust.
 *
 * Guarantees: no allocation; the agent's side (path, address, trust) makes two system calls at
 * the most. A directory that another user could have made is refused, not repaired.
 */
#include "protocol/socket.h"
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define SOCKET_NAME "/guard.sock"

static const char *environment_get(char *const *environment, const char *name)
{
	size_t length = strlen(name);

	for (; environment && *environment; environment++)
		if (!strncmp(*environment, name, length) && (*environment)[length] == '=')
			return *environment + length + 1;
	return NULL;
}

/* path = a b c, or -ENAMETOOLONG. */
static int join(char *path, size_t size, const char *a, const char *b, const char *c)
{
	const char *part[] = {a, b, c};
	size_t used = 0, length;
	unsigned i;

	for (i = 0; i < 3; i++) {
		length = strlen(part[i]);
		if (length >= size - used)
			return -ENAMETOOLONG;
		memcpy(path + used, part[i], length);
		used += length;
	}
	path[used] = '\0';
	return 0;
}

/* The default directory where there is no XDG_RUNTIME_DIR. */
static int default_directory(char *path, size_t size)
{
	char digits[12], *p = digits + sizeof(digits) - 1;
	uint32_t uid = (uint32_t)geteuid();

	if (uid == 0)
		return join(path, size, "/run/guard", "", "");
	*p = '\0';
	for (; uid; uid /= 10)
		*--p = (char)('0' + uid % 10);
	return join(path, size, "/tmp/guard-", p, "");
}

int socket_path(char *path, size_t size, const char *configured, char *const *environment)
{
	const char *runtime = environment_get(environment, "XDG_RUNTIME_DIR");
	char directory[64];

	if (size == 0)
		return -ENAMETOOLONG;
	if (configured && *configured)
		return join(path, size, configured, "", "");
	if (runtime && *runtime == '/')
		return join(path, size, runtime, SOCKET_NAME, "");
	default_directory(directory, sizeof(directory));
	return join(path, size, directory, SOCKET_NAME, "");
}

int socket_prepare_directory(const char *path)
{
	char directory[64];
	struct stat st;
	size_t length;
	int r = default_directory(directory, sizeof(directory));

	if (r < 0)
		return r;
	length = strlen(directory);
	if (strncmp(path, directory, length) || path[length] != '/' || strchr(path + length + 1, '/'))
		return 0;
	if (mkdir(directory, 0700) < 0 && errno != EEXIST)
		return -errno;
	if (lstat(directory, &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077))
		return -EPERM;
	return 0;
}

int socket_address(struct sockaddr_un *address, const char *path)
{
	size_t length = strlen(path);

	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	if (length >= sizeof(address->sun_path))
		return -ENAMETOOLONG;
	memcpy(address->sun_path, path, length);
	return 0;
}

bool socket_peer_trusted(int fd, int *pid)
{
	struct ucred peer;
	socklen_t length = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0 || length != sizeof(peer))
		return false;
	if (pid)
		*pid = peer.pid;
	return peer.uid == geteuid() || peer.uid == 0;
}
