/*
 * Figures from /proc, the cgroup and the C library. See proc.h.
 */
#include "agent/proc.h"
#include "agent/clock.h"
#include "agent/process.h"
#include "agent/sys.h"
#include <dlfcn.h>
#include <malloc.h>
#include <string.h>

#define HEAP_SHARE 100 /* mallinfo2 walks free lists under their locks: at most 1/100 of the time */

static char cgroup_limit[512], cgroup_current[512];
static struct mallinfo2 (*heap_info)(void);
static uint64_t heap_next, heap_mapped, heap_free;

uint64_t proc_monotonic(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

uint64_t proc_realtime(void)
{
	return clock_ns(CLOCK_REALTIME);
}

uint64_t proc_thread_cpu(void)
{
	return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

static uint64_t number(const char *text)
{
	uint64_t n = 0;

	while (*text == ' ' || *text == '\t')
		text++;
	for (; *text >= '0' && *text <= '9'; text++)
		n = n * 10 + (uint64_t)(*text - '0');
	return n;
}

static void join(char *out, size_t size, const char *a, const char *b, const char *c)
{
	size_t n = 0;

	for (const char *parts[3] = {a, b, c}, **p = parts; p < parts + 3; p++)
		for (const char *s = *p; *s && n + 1 < size; s++)
			out[n++] = *s;
	out[n] = '\0';
}

static void find_cgroup(void)
{
	char text[2048], probe[64], *path, *end;

	cgroup_limit[0] = '\0';
	if (sys_read_file("/proc/self/cgroup", text, sizeof(text)) <= 0)
		return;
	if (!strncmp(text, "0::", 3)) {
		path = text + 3;
	} else if ((path = strstr(text, ":memory:"))) {
		path += 8;
	} else {
		return;
	}
	if ((end = strchr(path, '\n')))
		*end = '\0';
	if (path == text + 3) {
		join(cgroup_limit, sizeof(cgroup_limit), "/sys/fs/cgroup", path, "/memory.max");
		join(cgroup_current, sizeof(cgroup_current), "/sys/fs/cgroup", path, "/memory.current");
	} else {
		join(cgroup_limit, sizeof(cgroup_limit), "/sys/fs/cgroup/memory", path, "/memory.limit_in_bytes");
		join(cgroup_current, sizeof(cgroup_current), "/sys/fs/cgroup/memory", path, "/memory.usage_in_bytes");
	}
	if (sys_read_file(cgroup_limit, probe, sizeof(probe)) <= 0)
		cgroup_limit[0] = '\0';
}

void proc_init(bool libc_heap)
{
	heap_next = 0;
	find_cgroup();
	if (libc_heap)
		*(void **)&heap_info = dlsym(RTLD_DEFAULT, "mallinfo2");
}

unsigned proc_threads_after_main(void)
{
	char text[1024], *p;

	if (sys_read_file("/proc/self/stat", text, sizeof(text)) <= 0)
		return 0;
	p = strrchr(text, ')'); /* behind the name, which may hold anything: state, then 16 fields, then threads */
	if (!p || p[1] != ' ' || p[2] != 'Z')
		return 0;
	p += 2;
	for (int field = 3; p && field < 20; field++)
		p = (p = strchr(p, ' ')) ? p + 1 : NULL;
	return p ? (unsigned)number(p) - 1 : 0;
}

static void status_line(struct wire_sample *sample, const char *line)
{
	static const struct {
		const char *name;
		size_t offset;
	} rows[] = {{"VmSize:", offsetof(struct wire_sample, vms)},
		    {"VmHWM:", offsetof(struct wire_sample, peak_rss)},
		    {"VmRSS:", offsetof(struct wire_sample, rss)},
		    {"RssAnon:", offsetof(struct wire_sample, rss_anon)},
		    {"RssFile:", offsetof(struct wire_sample, rss_file)},
		    {"RssShmem:", offsetof(struct wire_sample, rss_shmem)}};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (!strncmp(line, rows[i].name, strlen(rows[i].name)))
			*(uint64_t *)((char *)sample + rows[i].offset) = number(line + strlen(rows[i].name)) * 1024;
	if (!strncmp(line, "Threads:", 8))
		sample->threads = (uint32_t)number(line + 8);
}

/* Line by line: one of them lists the groups of the user and has no bound. */
static void read_status(struct wire_sample *sample)
{
	long fd = sys3(SYS_openat, AT_FDCWD, "/proc/self/status", O_RDONLY | O_CLOEXEC), n;
	char text[2048], *line, *end;
	size_t have = 0;

	if (fd < 0)
		return;
	while ((n = sys3(SYS_read, fd, text + have, sizeof(text) - 1 - have)) > 0) {
		have += (size_t)n;
		text[have] = '\0';
		for (line = text; (end = memchr(line, '\n', have - (size_t)(line - text))); line = end + 1) {
			*end = '\0';
			status_line(sample, line);
		}
		have -= (size_t)(line - text);
		memmove(text, line, have);
		if (have == sizeof(text) - 1)
			have = 0; /* the middle of a long line says nothing */
	}
	sys3(SYS_close, fd, 0, 0);
}

static void read_cgroup(struct wire_sample *sample)
{
	char text[64];

	if (!cgroup_limit[0])
		return;
	if (sys_read_file(cgroup_limit, text, sizeof(text)) > 0 && text[0] != 'm')
		sample->cgroup_limit = number(text);
	if (sample->cgroup_limit >= UINT64_C(1) << 60)
		sample->cgroup_limit = 0; /* version 1 says "none" so */
	if (sys_read_file(cgroup_current, text, sizeof(text)) > 0)
		sample->cgroup_current = number(text);
}

static void read_heap(void)
{
	uint64_t begin = proc_monotonic();
	struct mallinfo2 info;

	if (!heap_info || begin < heap_next)
		return;
	info = heap_info();
	heap_mapped = info.arena + info.hblkhd;
	heap_free = info.fordblks;
	heap_next = begin + (proc_monotonic() - begin) * HEAP_SHARE;
}

void proc_sample(struct wire_sample *sample, bool ask_heap)
{
	read_status(sample);
	read_cgroup(sample);
	if (ask_heap)
		read_heap();
	sample->heap_mapped = heap_mapped;
	sample->heap_free = heap_free;
}
