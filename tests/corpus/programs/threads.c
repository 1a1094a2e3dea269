/*
 * Programs with threads: blocks that outlive theirs, blocks that travel, and arenas that stay.
 */
#include "program.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define KEEP __attribute__((noinline, noclone))

static pthread_key_t bare_key, clean_key;
static void *volatile last;

KEEP static void make_state(void)
{
	pthread_setspecific(bare_key, program_use(malloc(272), 272));
}

static void *stateful_thread(void *argument)
{
	make_state();
	free(program_use(malloc(1000), 1000));
	return argument;
}

static void run_thread(void *(*work)(void *), void *argument)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, work, argument))
		abort();
	pthread_join(thread, NULL);
}

/* The key has no destructor. */
static void thread_state(struct program_run *run)
{
	pthread_key_create(&bare_key, NULL);
	run->rate /= 4;
	while (program_step(run)) {
		run_thread(stateful_thread, NULL);
		program_lost(run, "make_state", 272);
	}
}

static void *clean_thread(void *argument)
{
	pthread_setspecific(clean_key, program_use(malloc(272), 272));
	for (int i = 0; i < 20; i++)
		free(program_use(malloc(100 + (size_t)i), 100));
	return argument;
}

static void thread_state_freed(struct program_run *run)
{
	pthread_key_create(&clean_key, free);
	run->rate /= 4;
	while (program_step(run))
		run_thread(clean_thread, NULL);
}

/* A queue of one: A allocates, B frees, or loses. */
struct exchange {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	void *message;
	bool over;
	uint32_t loses; /* one in so many; 0: none */
	uint64_t taken, lost;
};

static void *receive(void *argument)
{
	struct exchange *e = argument;

	pthread_mutex_lock(&e->lock);
	while (!e->over || e->message) {
		if (!e->message) {
			pthread_cond_wait(&e->changed, &e->lock);
			continue;
		}
		if (e->loses && ++e->taken % e->loses == 0)
			e->lost++;
		else
			free(e->message);
		e->message = NULL;
		pthread_cond_broadcast(&e->changed);
	}
	pthread_mutex_unlock(&e->lock);
	return NULL;
}

KEEP static void *make_message(void)
{
	return program_use(malloc(160), 160);
}

static void send(struct exchange *e)
{
	void *message = make_message();

	pthread_mutex_lock(&e->lock);
	while (e->message)
		pthread_cond_wait(&e->changed, &e->lock);
	e->message = message;
	pthread_cond_broadcast(&e->changed);
	pthread_mutex_unlock(&e->lock);
}

static void exchange(struct program_run *run, uint32_t loses)
{
	struct exchange e = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, .loses = loses};
	pthread_t receiver;

	if (pthread_create(&receiver, NULL, receive, &e))
		abort();
	while (program_step(run))
		for (int i = 0; i < 5; i++)
			send(&e);
	pthread_mutex_lock(&e.lock);
	e.over = true;
	pthread_cond_broadcast(&e.changed);
	pthread_mutex_unlock(&e.lock);
	pthread_join(receiver, NULL);
	program_lost_in_all(run, loses ? "make_message" : NULL, e.lost, 160 * e.lost);
}

static void lost_by_receiver(struct program_run *run)
{
	exchange(run, 25);
}

static void all_received(struct program_run *run)
{
	exchange(run, 0);
}

struct worker {
	struct program_run *run;
	pthread_mutex_t lock;
	bool leaks;
	uint64_t lost;
};

KEEP static void serve(struct worker *w, unsigned n)
{
	void *block = program_use(malloc(250), 250);

	if (w->leaks && n % 40 == 0) {
		last = block;
		pthread_mutex_lock(&w->lock);
		w->lost++;
		pthread_mutex_unlock(&w->lock);
	} else {
		free(block);
	}
}

static void *work(void *argument)
{
	struct worker *w = argument;
	struct program_run own = *w->run;

	for (unsigned n = 1; program_step(&own); n++)
		serve(w, n);
	return NULL;
}

static void four_workers(struct program_run *run, bool leaks)
{
	struct worker w = {run, PTHREAD_MUTEX_INITIALIZER, leaks, 0};
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		if (pthread_create(&threads[i], NULL, work, &w))
			abort();
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	program_lost_in_all(run, leaks ? "serve" : NULL, w.lost, 250 * w.lost);
}

static void workers_leak(struct program_run *run)
{
	four_workers(run, true);
}

static void workers_serve(struct program_run *run)
{
	four_workers(run, false);
}

/* Every second a thread more; each fills an arena of its own for a moment, holds one block at its top, and idles. */
static void *fill_arena(void *argument)
{
	struct program_run own = *(struct program_run *)argument;
	enum { BLOCKS = 6000 };
	void **blocks = malloc(BLOCKS * sizeof(*blocks));

	for (unsigned i = 0; i < BLOCKS; i++)
		blocks[i] = program_use(malloc(1000), 1000);
	for (unsigned i = 0; i < BLOCKS - 1; i++)
		free(blocks[i]);
	while (program_step(&own))
		;
	free(blocks[BLOCKS - 1]);
	free(blocks);
	return NULL;
}

static void arena_a_thread(struct program_run *run)
{
	static struct program_run own;
	pthread_t threads[64];
	unsigned n = 0;

	own = *run;
	own.rate = 5;
	while (program_step(run)) {
		if (n < 12 && program_progress(run) * 14 > n + 1 &&
		    !pthread_create(&threads[n], NULL, fill_arena, &own))
			n++;
		free(program_use(malloc(300), 300));
	}
	while (n > 0)
		pthread_join(threads[--n], NULL);
}

const struct program programs_threads[] = {
	{"thread_state", "growth", "leak", "a key without destructor: make_state", thread_state},
	{"lost_by_receiver", "leak", NULL, "every 25th message is lost by the thread that gets it", lost_by_receiver},
	{"workers_leak", "leak", NULL, "four threads lose every 40th block", workers_leak},
	{"thread_state_freed", "stable", "warm_up", "threads come and go with a destructor", thread_state_freed},
	{"all_received", "stable", "warm_up", "messages from thread to thread", all_received},
	{"workers_serve", "stable", "warm_up", "four threads", workers_serve},
	{"arena_a_thread", "retention", NULL, "an arena a thread stays", arena_a_thread},
	{0},
};
