/*
 * The wire -- what travels between agents and the analyzer, and what a .guard file holds.
 *
 * The analyzer listens on a Unix SOCK_SEQPACKET socket, agents connect; each frame is one
 * message. A recording (.guard) is the frames of one or many streams, one after the other,
 * byte for byte as they were sent.
 *
 *   agent    -> analyzer : HELLO       who I am; carries the region's memfd (SCM_RIGHTS)
 *   agent    -> analyzer : SNAPSHOT... samples, verdict, new modules and stacks, changed counts
 *   agent    -> analyzer : EVENT       a verdict changed, an action was taken, something was lost
 *   agent    -> analyzer : FINAL       a SNAPSHOT that also says how the process ended
 *   analyzer -> agent    : CHECK       take a snapshot now; as for SET and MARK, the answer has FRAME_ANSWER
 *   analyzer -> agent    : SET         change one option (WIRE_TEXT "name=value")
 *   analyzer -> agent    : RESTART     rate-limited graceful restart
 *   analyzer -> agent    : MARK        an iteration has ended (WIRE_TEXT its name)
 *   guardctl -> serve    : QUERY       WIRE_QUERY; the answer is REPLY frames, or a stream
 *   serve    -> guardctl : REPLY       WIRE_TEXT; the last one has FRAME_LAST
 *
 * Everything is fixed-width little-endian. A frame is a wire_header and then records; a record
 * is a wire_record and its body, padded to 8 bytes. Unknown record kinds are skipped: that is
 * how the format grows. One snapshot may span several frames; the last one has FRAME_LAST.
 * FRAME_FULL on the first one says: forget the counts you had, these are all there are.
 *
 * Readers treat every byte as hostile (protocol/frame.h checks, both sides use it).
 */
#pragma once
#include <stdint.h>

#define WIRE_MAGIC 0x31445247u /* "GRD1" */
#define WIRE_VERSION 1u
#define FRAME_MAX (64u * 1024) /* bytes, header included: fits the default socket buffer */

enum frame_type {
	FRAME_HELLO = 1,
	FRAME_SNAPSHOT = 2,
	FRAME_FINAL = 3,
	FRAME_EVENT = 4,
	FRAME_CHECK = 16,
	FRAME_SET = 17,
	FRAME_RESTART = 18,
	FRAME_MARK = 19,
	FRAME_QUERY = 32,
	FRAME_REPLY = 33,
};

enum frame_flags {
	FRAME_FULL = 1,	       /* first frame of a full snapshot */
	FRAME_LAST = 2,	       /* last frame of a snapshot or of a reply */
	FRAME_POST_MORTEM = 4, /* made by the analyzer from the region, not sent by the agent */
	FRAME_ANSWER = 8,      /* a snapshot made after all that the analyzer has said was done */
};

struct wire_header {
	uint32_t magic;
	uint32_t length;   /* of the whole frame, this header included; a multiple of 8 */
	uint16_t type;	   /* enum frame_type */
	uint16_t flags;	   /* enum frame_flags */
	uint32_t sequence; /* counts the frames of a stream; a gap is a loss */
	uint64_t stream;   /* the agent's instance: random, one per process image */
};

struct wire_record {
	uint16_t kind;	 /* enum wire_kind */
	uint16_t flags;	 /* kind-specific */
	uint32_t length; /* header and body, without the padding to 8 */
};

enum wire_kind {
	WIRE_PROCESS = 1,	   /* struct wire_process, then its strings */
	WIRE_MODULE = 2,	   /* struct wire_module, then its path */
	WIRE_STACK = 3,		   /* struct wire_stack, then its frames */
	WIRE_COUNTS = 4,	   /* array of struct wire_counts, absolute values */
	WIRE_SAMPLE = 5,	   /* array of struct wire_sample, oldest first */
	WIRE_VERDICT = 6,	   /* struct wire_verdict: the process */
	WIRE_CALLSITE_VERDICT = 7, /* array of struct wire_callsite_verdict */
	WIRE_AGENT = 8,		   /* struct wire_agent: the agent's own state and losses */
	WIRE_END = 9,		   /* struct wire_end */
	WIRE_EVENT = 10,	   /* struct wire_event, then its text */
	WIRE_TEXT = 11,		   /* text without a terminating NUL */
	WIRE_QUERY = 12,	   /* struct wire_query, then its text */
	WIRE_EVIDENCE = 13,	   /* array of struct wire_evidence */
	WIRE_DETECTOR = 14,	   /* struct wire_detector: what judging costs */
	WIRE_MAPPINGS = 15,	   /* array of struct wire_mapping, those that have grown most, the most first */
};

/* Who sends: exe, cwd, command (arguments separated by NUL), version follow back to back. */
struct wire_process {
	uint64_t start_realtime_ns;  /* CLOCK_REALTIME when the agent started */
	uint64_t start_monotonic_ns; /* CLOCK_MONOTONIC at the same moment */
	int32_t pid, ppid;
	uint32_t uid;
	uint32_t wire_version;
	uint32_t exe_length, cwd_length, command_length, version_length;
};

/* A loaded object. A frame's module id never changes its meaning; unloading only sets a flag. */
struct wire_module {
	uint32_t id;	/* 1.. ; 0 stands for code that belongs to no module */
	uint32_t flags; /* enum module_flags */
	uint64_t bias;	/* load address minus link address */
	uint64_t start, end;
	uint32_t build_id_length;
	uint32_t path_length;
	uint8_t build_id[32];
};

enum module_flags {
	MODULE_UNLOADED = 1,
	MODULE_MAIN = 2, /* the executable itself */
};

/* One interned backtrace; frames, leaf first, follow as uint64_t, and with STACK_SAMPLED a struct wire_sampling. */
struct wire_stack {
	uint32_t callsite; /* 1.. */
	uint16_t n_frames;
	uint16_t flags; /* enum stack_flags */
};

enum stack_flags {
	STACK_CUT = 1,	      /* deeper than option depth: the root end is missing */
	STACK_INCOMPLETE = 2, /* unwinding stopped before the root (no unwind table, no unwinder) */
	STACK_NONE = 4,	      /* no stack was taken: mode counts */
	STACK_SAMPLED = 8,    /* the counts are of a sample (protocol/sampling.h) */
};

/* What a callsite's sample is. */
struct wire_sampling {
	uint64_t sample_bytes; /* 1 at least */
	uint32_t class;	       /* sampling_class(): 1..SAMPLING_CLASSES-1 */
	uint32_t reserved;
};

/* A frame is a return address as (module, address as linked): stable across ASLR. */
#define FRAME_MODULE_SHIFT 48
#define FRAME_OFFSET_MASK ((UINT64_C(1) << FRAME_MODULE_SHIFT) - 1)

struct wire_counts {
	uint32_t callsite;
	uint32_t reserved;
	uint64_t allocated_blocks, allocated_bytes;
	uint64_t freed_blocks, freed_bytes;
};

/* One look at the process. Zero where the figure is not available. */
struct wire_sample {
	uint64_t time_ns; /* since the agent started */
	uint64_t rss, vms, rss_anon, rss_file, rss_shmem, peak_rss;
	uint64_t heap_mapped, heap_free; /* the C library's own: arenas and mmapped; free in arenas */
	uint64_t cgroup_current, cgroup_limit;
	uint64_t live_bytes, live_blocks;
	uint64_t agent_bytes, agent_cpu_ns;
	uint32_t threads;
	uint32_t reserved;
};

enum verdict_state {
	VERDICT_INCONCLUSIVE = 0,
	VERDICT_STABLE,
	VERDICT_LEAK,
	VERDICT_GROWTH,
	VERDICT_WARM_UP,
	VERDICT_RETENTION,
	VERDICT_EXTERNAL,
	N_VERDICTS,
};

enum verdict_severity { SEVERITY_NORMAL = 0, SEVERITY_WARNING, SEVERITY_CRITICAL, N_SEVERITIES };

/* Why: a code and its numbers; detector/reason.h turns it into plain words. */
struct wire_reason {
	uint16_t code; /* enum reason_code of detector/reason.h; 0 ends the list */
	uint16_t reserved[3];
	double value[3];
};
#define WIRE_REASONS 8

struct wire_verdict {
	uint8_t state;	  /* enum verdict_state */
	uint8_t severity; /* enum verdict_severity */
	uint16_t reserved;
	uint32_t n_samples;
	double score;		      /* rule B on RSS, 0..1 */
	double growth_bytes_per_hour; /* slope of RSS in the window */
	double r2;
	double live_score, live_growth_bytes_per_hour, live_r2; /* rule B on live bytes */
	double time_to_limit_s;					/* negative: none */
	uint64_t baseline_rss, baseline_live;			/* 0 until there is a baseline */
	double confidence;					/* 0..1; 0 where nothing is said */
	double evident_bytes_per_hour;				/* of the callsites that leak or grow */
	double time_to_limit_low_s, time_to_limit_high_s;	/* 80 % interval by the troughs; negative: none */
	/* What RSS has grown by since the start, and where that is. */
	double grown, grown_live, grown_retained, grown_outside, grown_file, grown_shared; /* bytes */
	struct wire_reason reasons[WIRE_REASONS];
};

struct wire_callsite_verdict {
	uint32_t callsite;
	uint32_t state; /* enum verdict_state */
	double score, growth_bytes_per_hour, r2;
};

/*
 * Why a callsite's verdict is what it is: the numbers of detector/finding.h, as of the last walk over the live blocks.
 * `finding` is what is found with nothing held back; `state` the verdict, which option hold may hold back.
 */
struct wire_evidence {
	uint32_t callsite;
	uint8_t finding;	 /* enum finding_kind */
	uint8_t state;		 /* enum verdict_state */
	uint8_t in_a_row;	 /* evaluations in a row that found a leak or growth */
	uint8_t marks;		 /* marks in a row, each of which met more blocks or bytes than the one before */
	float z, p_value;	 /* Mann and Kendall's, of the troughs */
	float rise;		 /* of the troughs since the first quarter: blocks; bytes where only these grow */
	float survivors, births; /* of the blocks that had time to be freed */
	float survivor_bytes;	 /* what they hold, or the rise where only bytes grow */
	float hazard, hazard_s;	 /* share of the old blocks that was freed, in the last so many seconds */
	float deceleration;	 /* survivors of the later half over those of the earlier */
	float tail;		 /* the last quarter's rise over what the survivors promise */
	float bytes_per_hour, bytes_per_hour_low, bytes_per_hour_high; /* by the troughs; 80 % interval */
	float blocks_per_mark, bytes_per_mark;			       /* growth over the `marks` */
	float age_s;						       /* what was judged: the ages are eighths of it */
	uint32_t live_blocks, epochs;				       /* whole epochs so far */
	uint32_t ages[8];					       /* live blocks by age, the oldest first */
};

enum agent_mode { MODE_EXACT = 0, MODE_SAMPLED, MODE_COUNTS, MODE_OFF, N_MODES };
enum agent_unwinder { UNWINDER_NONE = 0, UNWINDER_LIBUNWIND, N_UNWINDERS };

/* What the agent could not record; any of them makes the report inexact and says why. */
enum lost_flags {
	LOST_REGION_FULL = 1,	 /* no room in the region, or no memory, for a callsite, counter or module */
	LOST_BLOCK_MAP = 2,	 /* no memory for the block map */
	LOST_HUGE_TABLE = 4,	 /* too many live blocks of 128 MiB and more at once */
	LOST_INHERITED = 8,	 /* forked without fork handlers: totals before the fork are estimates */
	LOST_REGION_SHARED = 16, /* no memfd: the region is private, its last state dies with it */
	LOST_MODE = 32,		 /* the mode was not exact at some time: wire_agent.modes says which */
	LOST_THREAD = 64,	 /* a thread allocated before it had counters, or got none */
	LOST_OPERATORS = 128,	 /* C++ operators reach the allocator without malloc */
};

/* Why an agent only passes through; it says HELLO with mode off, and then nothing any more. */
enum dormant_reason {
	DORMANT_NO = 0,
	DORMANT_EXECUTABLE, /* the executable has an allocator of its own */
	DORMANT_LIBRARY,    /* a library that comes before the agent has */
	DORMANT_ASAN,
	DORMANT_TSAN,
	DORMANT_MSAN,
	DORMANT_HWASAN,
	DORMANT_LSAN,
	DORMANT_VALGRIND,
	DORMANT_NO_MEMORY,  /* nothing can be kept */
	DORMANT_NOT_WIPED,  /* a forked child would take its parent's memory for its own */
	DORMANT_PRIVILEGED, /* never told: such a process makes no connection */
	N_DORMANT,
};

struct wire_agent {
	uint8_t mode;		/* enum agent_mode */
	uint8_t unwinder;	/* enum agent_unwinder */
	uint16_t dormant;	/* enum dormant_reason */
	uint32_t lost;		/* enum lost_flags */
	uint64_t memory_bytes;	/* the agent's own, map and region included */
	uint64_t cpu_ns;	/* of the sampler thread */
	uint64_t dropped;	/* records that found no room */
	uint64_t unknown_frees; /* blocks freed that were never seen allocated */
	uint64_t frames_unsent; /* frames that the socket did not take */
	uint64_t peak_live_bytes;
	uint64_t cut_stacks, incomplete_stacks;
	uint64_t verified, verify_differences; /* option verify: stacks unwound once more, and those that differed */
	uint64_t sample_bytes;		       /* in mode sampled */
	uint64_t hooks_ns;		       /* with overhead_budget: CPU time of the hooks, estimated */
	uint32_t modes;			       /* 1 << enum agent_mode of each that it has been in */
	uint32_t governed;		       /* overhead_budget has set the mode */
};

/* The detector's part of the agent. */
struct wire_detector {
	uint64_t cpu_ns;      /* of the agent's cpu_ns */
	uint64_t walk_cpu_ns; /* of the last walk over the live blocks */
	uint32_t walks;
	uint32_t candidates; /* callsites that evidence is kept of */
	uint32_t left_out;   /* callsites that would be, if there was room */
	uint32_t marks;
};

/* RSS of the mappings of one name. */
struct wire_mapping {
	char name[48];	      /* its end where it is longer; NUL-terminated */
	uint64_t before, now; /* at the first look, and at the last */
};

enum end_how { END_RUNNING = 0, END_EXIT, END_SIGNAL, END_EXEC, END_LOST, N_ENDS };

struct wire_end {
	uint32_t how; /* enum end_how */
	int32_t status;
	int32_t signal;
	uint32_t reserved;
	uint64_t time_ns; /* since the agent started */
};

enum event_kind { EVENT_VERDICT = 1, EVENT_ACTION, EVENT_WARNING, EVENT_MARK };

struct wire_event {
	uint64_t time_ns;
	uint32_t kind; /* enum event_kind */
	uint32_t value;
};

enum query_what { QUERY_LIST = 1, QUERY_STREAM, QUERY_CHECK, QUERY_SET, QUERY_MARK };

struct wire_query {
	uint32_t what; /* enum query_what */
	int32_t pid;
};

_Static_assert(sizeof(struct wire_header) == 24, "wire layout");
_Static_assert(sizeof(struct wire_record) == 8, "wire layout");
_Static_assert(sizeof(struct wire_process) == 48, "wire layout");
_Static_assert(sizeof(struct wire_module) == 72, "wire layout");
_Static_assert(sizeof(struct wire_stack) == 8, "wire layout");
_Static_assert(sizeof(struct wire_sampling) == 16, "wire layout");
_Static_assert(sizeof(struct wire_counts) == 40, "wire layout");
_Static_assert(sizeof(struct wire_sample) == 128, "wire layout");
_Static_assert(sizeof(struct wire_reason) == 32, "wire layout");
_Static_assert(sizeof(struct wire_verdict) == 416, "wire layout");
_Static_assert(sizeof(struct wire_callsite_verdict) == 32, "wire layout");
_Static_assert(sizeof(struct wire_evidence) == 112, "wire layout");
_Static_assert(sizeof(struct wire_agent) == 112, "wire layout");
_Static_assert(sizeof(struct wire_detector) == 32, "wire layout");
_Static_assert(sizeof(struct wire_mapping) == 64, "wire layout");
_Static_assert(sizeof(struct wire_end) == 24, "wire layout");
_Static_assert(sizeof(struct wire_event) == 16, "wire layout");
