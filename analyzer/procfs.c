/*
 * Processes from outside -- reading /proc/PID and pidfds.
 */
#include "analyzer/procfs.h"
#include "analyzer/cleanup.h"
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* Newer than the headers of the oldest systems we build on. */
enum { OPTION_PEER_PIDFD = 77 }; /* SO_PEERPIDFD, Linux 6.5 */
struct pidfd_information {	 /* struct pidfd_info, Linux 6.15 */
	uint64_t mask, cgroup;
	uint32_t ids[11];
	int32_t exit_code;
};
#define INFORMATION_EXIT 8u /* PIDFD_INFO_EXIT */
#define GET_INFORMATION _IOWR(0xff, 11, struct pidfd_information)
_Static_assert(sizeof(struct pidfd_information) == 64, "the kernel's first version of it");

int proc_open_peer(int socket, int pid)
{
	socklen_t size = sizeof(int);
	int fd = -1;

	if (getsockopt(socket, SOL_SOCKET, OPTION_PEER_PIDFD, &fd, &size) == 0 && fd >= 0)
		return fd;
	return pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
}

static FILE *proc_open(int pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	return fopen(path, "re");
}

/* Without a pidfd: no such process, or a zombie. */
static bool has_ended_by_name(int pid)
{
	cleanup_fclose FILE *file = proc_open(pid, "stat");
	char text[2048], *from;
	size_t n = file ? fread(text, 1, sizeof(text) - 1, file) : 0;

	text[n] = '\0';
	from = strrchr(text, ')');
	return !from || strncmp(from, ") Z", 3) == 0 || strncmp(from, ") X", 3) == 0;
}

bool proc_has_ended(int pid, int pidfd)
{
	struct pollfd poller = {.fd = pidfd, .events = POLLIN};

	if (pidfd < 0)
		return has_ended_by_name(pid);
	return poll(&poller, 1, 0) == 1 && poller.revents;
}

/* Has the process our user and group ids, all four of each? Else /proc shows zeros in place of some facts. */
static bool shows_us_all(int pid)
{
	cleanup_fclose FILE *file = proc_open(pid, "status");
	unsigned id[4], matching = 0;
	char line[256];

	if (geteuid() == 0)
		return true;
	while (file && fgets(line, sizeof(line), file)) {
		unsigned own = line[0] == 'U' ? getuid() : getgid();

		if (sscanf(line, "%*1[UG]id: %u %u %u %u", &id[0], &id[1], &id[2], &id[3]) != 4)
			continue;
		matching += id[0] == own && id[1] == own && id[2] == own && id[3] == own;
	}
	return matching == 2;
}

/* From the last field of /proc/PID/stat, which a zombie still has. */
static int zombie_status(int pid, int *status)
{
	cleanup_fclose FILE *file = proc_open(pid, "stat");
	char text[2048], *from;
	size_t n;

	if (!file)
		return errno == ENOENT || errno == ESRCH ? -ENODATA : -EAGAIN;
	n = fread(text, 1, sizeof(text) - 1, file);
	text[n] = '\0';
	from = strrchr(text, ')');
	if (!n || !from)
		return -ENODATA;
	if (strncmp(from, ") Z", 3) != 0 || !shows_us_all(pid))
		return -EAGAIN;
	while (n && (text[n - 1] == '\n' || text[n - 1] == ' '))
		text[--n] = '\0';
	from = strrchr(text, ' ');
	return from && sscanf(from, "%d", status) == 1 ? 0 : -ENODATA;
}

static int reaped_status(int pidfd, int *status)
{
	struct pidfd_information information = {.mask = INFORMATION_EXIT};

	if (pidfd < 0 || ioctl(pidfd, GET_INFORMATION, &information) < 0 || !(information.mask & INFORMATION_EXIT))
		return -ENODATA;
	*status = information.exit_code;
	return 0;
}

int proc_exit_status(int pid, int pidfd, int *status)
{
	int r = reaped_status(pidfd, status);

	if (r < 0)
		r = zombie_status(pid, status);
	return r == -ENODATA ? reaped_status(pidfd, status) : r; /* it may have been reaped in between */
}

bool proc_is_same(int pidfd, int other)
{
	struct stat one, two;

	return fstat(pidfd, &one) == 0 && fstat(other, &two) == 0 && one.st_dev == two.st_dev &&
	       one.st_ino == two.st_ino;
}

/* Once a process that exits has given up its memory, this is so for good. */
static bool has_memory(int pid)
{
	cleanup_fclose FILE *file = proc_open(pid, "maps");

	return file && fgetc(file) != EOF;
}

enum proc_mapping proc_maps_file(int pid, const struct stat *wanted)
{
	cleanup_fclose FILE *file = proc_open(pid, "maps");
	cleanup_free char *line = NULL;
	size_t size = 0, n_lines = 0;

	if (!file)
		return MAPPING_UNKNOWN;
	errno = 0;
	while (getline(&line, &size, file) > 0) {
		unsigned device_major, device_minor;
		uint64_t inode;

		n_lines++;
		if (sscanf(line, "%*x-%*x %*s %*x %x:%x %" SCNu64, &device_major, &device_minor, &inode) == 3 &&
		    inode == wanted->st_ino && device_major == major(wanted->st_dev) &&
		    device_minor == minor(wanted->st_dev))
			return MAPPING_HELD;
	}
	if (n_lines) /* all there are, or those that were read before its memory was gone */
		return has_memory(pid) ? MAPPING_OTHER : MAPPING_NONE;
	return errno == 0 || errno == ESRCH ? MAPPING_NONE : MAPPING_UNKNOWN;
}

int proc_sample(int pid, struct wire_sample *sample)
{
	const struct {
		const char *name;
		uint64_t *value;
	} fields[] = {
		{"VmRSS:", &sample->rss},	 {"VmSize:", &sample->vms},	  {"VmHWM:", &sample->peak_rss},
		{"RssAnon:", &sample->rss_anon}, {"RssFile:", &sample->rss_file}, {"RssShmem:", &sample->rss_shmem},
	};
	cleanup_fclose FILE *file = proc_open(pid, "status");
	char line[256];

	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file)) {
		uint64_t value;

		if (sscanf(line, "Threads: %" SCNu32, &sample->threads) == 1)
			continue;
		for (unsigned i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
			size_t length = strlen(fields[i].name);

			if (strncmp(line, fields[i].name, length) == 0 &&
			    sscanf(line + length, "%" SCNu64, &value) == 1)
				*fields[i].value = value * 1024;
		}
	}
	return sample->rss ? 0 : -ESRCH;
}
