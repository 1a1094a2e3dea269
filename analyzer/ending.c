/*
 * Endings -- has the process of a stream ended, or become another program? How? And what did its region say last?
 *
 * A connection's end means nothing by itself. An ended process is known by its pidfd, one that exec has
 * replaced by no longer mapping the region. The exit status is the kernel's where it can be had.
 */
#include "analyzer/postmortem.h"
#include "analyzer/procfs.h"
#include "analyzer/rejudge.h"
#include "analyzer/stream.h"
#include <errno.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RETRY_MS 20
#define REGIONS_KEPT 32
#define GIVE_UP_MS 1000 /* for the exit status of a process that nobody reaps */

static void look_again(struct stream *stream)
{
	uint64_t now = now_ms();

	if (stream->state != STREAM_LEAVING)
		stream->give_up = now + GIVE_UP_MS;
	stream->state = STREAM_LEAVING;
	stream->retry = now + RETRY_MS;
}

/* The wait status of an ended process; -EAGAIN when it is worth looking again. */
static int status_of(struct collector *collector, struct stream *stream, int *status)
{
	if (!stream->child)
		return proc_exit_status(stream->pid, stream->pidfd.fd, status);
	collector_reap(collector);
	*status = collector->child.status;
	return collector->child.ended ? 0 : -EAGAIN;
}

static void examine_dead(struct collector *collector, struct stream *stream)
{
	struct wire_end end = {.how = END_LOST};
	int status, r;

	collector_admit(collector); /* was it replaced by a program that has connected and ended since? */
	if (stream->state == STREAM_ENDED)
		return;
	r = status_of(collector, stream, &status);
	stream_receive(collector, stream, UINT32_MAX);
	if (r == -EAGAIN && (stream->state != STREAM_LEAVING || now_ms() < stream->give_up)) {
		look_again(stream);
		return;
	}
	if (r == 0 && WIFSIGNALED(status)) {
		end.how = END_SIGNAL;
		end.signal = WTERMSIG(status);
	} else if (r == 0) {
		end.how = END_EXIT;
		end.status = WEXITSTATUS(status);
	}
	stream_end(collector, stream, &end);
}

/* The connection ended and the process has not: has exec replaced the program? */
static void examine_living(struct collector *collector, struct stream *stream)
{
	const struct wire_end end = {.how = END_EXEC};
	struct stat region;

	if (stream->memfd < 0 || fstat(stream->memfd, &region) < 0)
		return;
	switch (proc_maps_file(stream->pid, &region)) {
	case MAPPING_OTHER:
		if (!proc_has_ended(stream->pid, stream->pidfd.fd))
			stream_end(collector, stream, &end);
		break;
	case MAPPING_NONE:
		look_again(stream);
		break;
	case MAPPING_HELD: /* the host closed our descriptor: it stays watched */
	case MAPPING_UNKNOWN:
		stream->state = STREAM_LIVE;
		break;
	}
}

/* Its end cannot become clearer. */
void stream_give_up(struct collector *collector, struct stream *stream)
{
	stream->state = STREAM_LEAVING;
	stream->give_up = 0;
	examine_dead(collector, stream);
}

void stream_examine(struct collector *collector, struct stream *stream)
{
	if (stream->state == STREAM_ENDED)
		return;
	if (proc_has_ended(stream->pid, stream->pidfd.fd))
		examine_dead(collector, stream);
	else if (stream->socket.fd < 0)
		examine_living(collector, stream);
}

/* Where the process is in a time namespace its clock is not ours: then the time of its last sample has to do. */
static uint64_t since_start(const struct process *process)
{
	uint64_t start = process->wire.start_monotonic_ns, now;
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	now = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
	if (now >= start)
		return now - start;
	return process->n_samples ? process->samples[process->n_samples - 1].time_ns : 0;
}

/* The kernel knows how a process ended better than its region, which may still know a status it does not. */
static struct wire_end merge_end(const struct wire_end *found, const struct wire_end *own, uint64_t now)
{
	struct wire_end end = found->how == END_LOST && own->how != END_RUNNING && own->how < N_ENDS ? *own : *found;

	end.time_ns = own->time_ns ? own->time_ns : now;
	return end;
}

/* Where others may ask, the regions of the last that ended are kept; they take memory and descriptors. */
static void drop_regions(struct collector *collector)
{
	uint64_t kept = collector->keep_ended ? REGIONS_KEPT : 0;

	for (struct stream *stream = collector->streams; stream; stream = stream->next) {
		if (stream->state != STREAM_ENDED || stream->memfd < 0 || stream->end_number + kept > collector->n_ends)
			continue;
		close(stream->memfd);
		stream->memfd = -1;
	}
}

void stream_end(struct collector *collector, struct stream *stream, const struct wire_end *found)
{
	struct process *process = model_find(&collector->model, stream->id);
	struct region_copy copy;
	struct wire_end end;

	stream_receive(collector, stream, UINT32_MAX);
	if (process && region_copy_read(&copy, stream->memfd) == 0) {
		end = merge_end(found, &region_header(&copy.view)->end, since_start(process));
		region_copy_end(&copy, &end);
		region_copy_tell(&copy, stream->id, FRAME_FINAL, false, collector_sink, collector);
		region_copy_fini(&copy);
	} else if (process) {
		end = merge_end(found, &process->end, since_start(process));
		postmortem_tell_end(stream->id, &end, collector_sink, collector);
	}
	if (process)
		rejudge_process(process);
	source_close(collector, &stream->socket);
	source_close(collector, &stream->pidfd);
	stream->state = STREAM_ENDED;
	stream->end_number = ++collector->n_ends;
	collector->n_live--;
	collector->n_ended++;
	drop_regions(collector);
}

int stream_read_live(struct collector *collector, struct stream *stream)
{
	struct region_copy copy;
	int r = region_copy_read(&copy, stream->memfd);

	if (r < 0)
		return r;
	region_copy_sample(&copy, stream->pid);
	r = region_copy_tell(&copy, stream->id, FRAME_SNAPSHOT, false, collector_sink, collector);
	region_copy_fini(&copy);
	return r;
}
