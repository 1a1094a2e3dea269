/*
 * Tests of agent/rule: what is learned is found again at any moment, what is no code has no rule, the lock is bounded.
 */
#include "agent/rule.h"
#include "agent/unwind.h"
#include "tests/unit/agent/agent.h"

#define MEGABYTE (UINT64_C(1) << 20)
#define JUNK UINT64_C(0x123456000)
#define MANY 20000u
#define THREADS 4

static void begin(void)
{
	agent_begin(16 * MEGABYTE);
	CHECK(unwind_init());
}

static void forget(uintptr_t start, uintptr_t end)
{
	struct rule_guard guard;

	CHECK(rule_lock(&guard));
	rule_forget(start, end);
	rule_unlock(&guard);
}

static bool is_junk(const struct rule *rule, uintptr_t pc)
{
	return rule && rule->pc == pc && rule->kind == RULE_UNKNOWN && rule->frame == (pc & FRAME_OFFSET_MASK) &&
	       !rule->from_loader;
}

static void test_learn(void)
{
	uintptr_t pc = (uintptr_t)&qsort + 40;
	const struct rule *rule;

	begin();
	CHECK(rule_find(pc) == NULL);
	rule = rule_learn(pc);
	CHECK(rule != NULL && rule->pc == pc);
	CHECK(rule->kind == RULE_SP || rule->kind == RULE_BP);
	CHECK(rule->frame >> FRAME_MODULE_SHIFT != 0);
	CHECK(rule_find(pc) == rule);
	CHECK(rule_learn(pc) == rule);
	CHECK(rule_find(pc + 1) == NULL);
	CHECK(rule_learn(0) == NULL);
}

/* What may stand on a stack where a return address should be. */
static void test_junk(void)
{
	static int data;
	uintptr_t junk[] = {2,
			    8,
			    4095,
			    (uintptr_t)&data,
			    UINT64_C(0x7fffffffe000),
			    UINT64_C(0x800000000000),
			    UINT64_C(0xffffffff81000000),
			    UINT64_MAX - 1,
			    UINT64_MAX,
			    0,
			    0,
			    0};
	const unsigned n = sizeof(junk) / sizeof(junk[0]);

	begin();
	junk[n - 3] = (uintptr_t)&junk;
	junk[n - 2] = (uintptr_t)malloc(8);
	junk[n - 1] = (uintptr_t)store;
	for (unsigned i = 0; i < n; i++) {
		const struct rule *rule = rule_learn(junk[i]);

		CHECK(rule && rule->kind == RULE_UNKNOWN);
		CHECK(rule_find(junk[i]) == rule);
		CHECK(junk[i] == (uintptr_t)&data || is_junk(rule, junk[i]));
	}
}

static void test_many(void)
{
	begin();
	for (uint64_t i = 0; i < MANY; i++) {
		if (rule_find(JUNK + i * 3))
			CHECK(!"known before");
		if (!is_junk(rule_learn(JUNK + i * 3), JUNK + i * 3))
			CHECK(!"learned");
	}
	for (uint64_t i = 0; i < MANY; i++)
		if (!is_junk(rule_find(JUNK + i * 3), JUNK + i * 3))
			CHECK(!"found again");
}

static void test_forget(void)
{
	unsigned wrong = 0;

	begin();
	for (uint64_t i = 0; i < 1000; i++)
		rule_learn(JUNK + i);
	forget(JUNK + 300, JUNK + 600);
	for (uint64_t i = 0; i < 1000; i++)
		wrong += (rule_find(JUNK + i) != NULL) != (i < 300 || i >= 600);
	CHECK_EQ(wrong, 0);
	for (uint64_t i = 0; i < 1000; i++)
		wrong += !is_junk(rule_learn(JUNK + i), JUNK + i);
	for (uint64_t i = 0; i < 1000; i++)
		wrong += !is_junk(rule_find(JUNK + i), JUNK + i);
	CHECK_EQ(wrong, 0);
	forget(0, UINTPTR_MAX);
	for (uint64_t i = 0; i < 1000; i++)
		wrong += rule_find(JUNK + i) != NULL;
	CHECK_EQ(wrong, 0);
}

/* All learn the same in the same order, and look for what was learned before. */
static void *learn_many(void *number)
{
	unsigned wrong = 0;

	for (uint64_t i = 0; i < 5000; i++) {
		const struct rule *rule = rule_learn(JUNK + i);

		wrong += !is_junk(rule, JUNK + i);
		rule = rule_find(JUNK + i / 2);
		wrong += !is_junk(rule, JUNK + i / 2);
		if (i % 10 == (uintptr_t)number)
			rule_learn(JUNK * 2 + i);
	}
	CHECK_EQ(wrong, 0);
	return NULL;
}

static void test_threads(void)
{
	unsigned wrong = 0;

	begin();
	in_threads(THREADS, learn_many);
	for (uint64_t i = 0; i < 5000; i++)
		wrong += (rule_find(JUNK * 2 + i) != NULL) != (i % 10 < THREADS);
	CHECK_EQ(wrong, 0);
}

static pthread_barrier_t barrier;

static void *hold_lock(void *unused)
{
	struct rule_guard guard;

	(void)unused;
	CHECK(rule_lock(&guard));
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	rule_unlock(&guard);
	return NULL;
}

/* Who holds it has been stopped: others give up, and go on later. */
static void test_bounded(void)
{
	struct rule_guard guard;
	uint64_t begin_ms;
	pthread_t holder;

	begin();
	rule_learn(JUNK);
	pthread_barrier_init(&barrier, NULL, 2);
	pthread_create(&holder, NULL, hold_lock, NULL);
	pthread_barrier_wait(&barrier);
	begin_ms = now_ms();
	CHECK(rule_learn(JUNK + 1) == NULL);
	CHECK(!rule_lock(&guard));
	CHECK(now_ms() - begin_ms < 30000);
	CHECK(rule_find(JUNK) != NULL);
	CHECK(rule_find(JUNK + 1) == NULL);
	pthread_barrier_wait(&barrier);
	pthread_join(holder, NULL);
	CHECK(rule_learn(JUNK + 1) != NULL);
}

static void lock_in_child(void)
{
	struct rule_guard guard;

	rule_postfork_child();
	CHECK(rule_lock(&guard));
	rule_unlock(&guard);
	CHECK(rule_learn(JUNK + 2) != NULL);
	CHECK(rule_find(JUNK) != NULL);
}

static void test_fork(void)
{
	pthread_t holder;

	begin();
	rule_learn(JUNK);
	pthread_barrier_init(&barrier, NULL, 2);
	pthread_create(&holder, NULL, hold_lock, NULL);
	pthread_barrier_wait(&barrier);
	CASE(lock_in_child);
	pthread_barrier_wait(&barrier);
	pthread_join(holder, NULL);
}

/* A handler that came while the lock is held would wait for itself: none comes. */
static volatile sig_atomic_t came;

static void note_signal(int number)
{
	(void)number;
	came = 1;
}

static void test_signals(void)
{
	sigset_t some, after = {0};
	struct rule_guard guard;

	begin();
	signal(SIGUSR1, note_signal);
	sigemptyset(&some);
	sigaddset(&some, SIGUSR2);
	sigprocmask(SIG_BLOCK, &some, NULL);
	CHECK(rule_lock(&guard));
	raise(SIGUSR1);
	CHECK_EQ(came, 0);
	rule_unlock(&guard);
	CHECK_EQ(came, 1);
	sigprocmask(SIG_BLOCK, NULL, &after);
	CHECK(sigismember(&after, SIGUSR2) && !sigismember(&after, SIGUSR1));
	CHECK(rule_learn(JUNK + 1) != NULL); /* the table is there: memory cannot be had later */
	process_sandbox = SANDBOX_STRICT;    /* where the call that blocks them would kill */
	forbid(SYS_rt_sigprocmask, EPERM);
	errno = 0;
	CHECK(rule_lock(&guard));
	rule_unlock(&guard);
	CHECK(rule_learn(JUNK) != NULL);
	CHECK_EQ(errno, 0);
}

int main(void)
{
	CASE(test_learn);
	CASE(test_junk);
	CASE(test_many);
	CASE(test_forget);
	CASE(test_threads);
	CASE(test_bounded);
	CASE(test_fork);
	CASE(test_signals);
	return check_result();
}
