/*
 * Run directories -- see rundir.h.
 */
#include "analyzer/rundir.h"
#include "analyzer/cleanup.h"
#include "analyzer/message.h"
#include "protocol/socket.h"
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PREFIX "guard-"
#define SUFFIX_LENGTH 6
#define PLACE_LONGEST 80 /* a socket's path must be short */
#define YOUNG_S 10	 /* its guardctl may still be at work on it */

static bool named_like_ours(const char *name)
{
	size_t prefix = sizeof(PREFIX) - 1;

	if (strncmp(name, PREFIX, prefix) != 0 || strlen(name) != prefix + SUFFIX_LENGTH)
		return false;
	for (const char *c = name + prefix; *c; c++)
		if (!isalnum((unsigned char)*c))
			return false;
	return true;
}

/* Does the directory hold a socket on which nobody listens? */
static bool is_left_over(int directory, const char path[RUNDIR_SIZE])
{
	cleanup_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address;
	struct stat status;
	char name[RUNDIR_SIZE + 2];

	if (fstat(directory, &status) < 0 || status.st_uid != geteuid() || (status.st_mode & 0077) ||
	    time(NULL) - status.st_mtime < YOUNG_S)
		return false;
	if (fstatat(directory, "s", &status, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISSOCK(status.st_mode))
		return false;
	snprintf(name, sizeof(name), "%s/s", path);
	return fd >= 0 && socket_address(&address, name) == 0 &&
	       connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 && errno == ECONNREFUSED;
}

static void sweep(const char *place)
{
	DIR *all = opendir(place);
	struct dirent *entry;

	while (all && (entry = readdir(all))) {
		cleanup_close int fd = -1;
		char path[RUNDIR_SIZE];

		if (!named_like_ours(entry->d_name))
			continue;
		snprintf(path, sizeof(path), "%.*s/%s", PLACE_LONGEST, place, entry->d_name);
		fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 || !is_left_over(fd, path))
			continue;
		unlinkat(fd, "s", 0);
		unlinkat(fd, "libguard.so", 0);
		rmdir(path); /* stays if there is more in it */
	}
	if (all)
		closedir(all);
}

int rundir_make(char path[RUNDIR_SIZE])
{
	const char *places[] = {getenv("TMPDIR"), "/tmp"};

	for (unsigned i = 0; i < 2; i++) {
		if (!places[i] || places[i][0] != '/' || strlen(places[i]) > PLACE_LONGEST)
			continue;
		snprintf(path, RUNDIR_SIZE, "%s/" PREFIX "XXXXXX", places[i]);
		if (mkdtemp(path)) {
			sweep(places[i]);
			return 0;
		}
	}
	*path = '\0';
	message("no directory for the socket can be made in %s: %s", places[0] ? places[0] : places[1],
		strerror(errno));
	return -EACCES;
}

void rundir_remove(const char *path)
{
	char link[RUNDIR_SIZE + 16];

	if (!*path)
		return;
	snprintf(link, sizeof(link), "%s/libguard.so", path);
	unlink(link);
	rmdir(path);
}
