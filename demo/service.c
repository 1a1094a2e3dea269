/*
 * A small key-value service with one leak -- what `./dev demo` shows a report about.
 *
 * It listens on 127.0.0.1 (a port of the kernel's choice, printed on stdout) and speaks lines:
 *
 *     SET key value    ->  OK
 *     GET key          ->  VALUE value | NONE
 *     SHUTDOWN         ->  BYE, and the service ends with status 0
 *     anything else    ->  ERROR
 *
 * A few threads each serve one connection at a time. Every request allocates and frees (churn),
 * and a cache of a fixed number of entries fills up (growth that ends). Both are innocent. The
 * leak: a session notes each error and never frees the note, so one block a bad request is lost.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define N_WORKERS 4
#define N_CACHE_ENTRIES 256
#define LINE_MAX_LENGTH 1024

struct session_error {
	struct timespec when;
	char request[256];
};

struct session {
	int fd;
	FILE *requests;
	char *line; /* the request at hand */
	struct session_error *last_error;
};

struct cache_entry {
	char *key, *value;
};

static struct cache_entry cache[N_CACHE_ENTRIES]; /* cache_lock */
static pthread_mutex_t cache_lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool stopping;
static int listener;

static struct cache_entry *cache_slot(const char *key)
{
	unsigned hash = 5381;

	for (const char *c = key; *c; c++)
		hash = hash * 33 + (unsigned char)*c;
	return &cache[hash % N_CACHE_ENTRIES];
}

/* A key takes the place of whichever key had its slot: the cache never holds more than its slots. */
static void cache_set(const char *key, const char *value)
{
	struct cache_entry fresh = {strdup(key), strdup(value)}, old;

	pthread_mutex_lock(&cache_lock);
	old = *cache_slot(key);
	*cache_slot(key) = fresh;
	pthread_mutex_unlock(&cache_lock);
	free(old.key);
	free(old.value);
}

/* A copy of the value, for the caller to free; NULL when there is none. */
static char *cache_get(const char *key)
{
	struct cache_entry *entry = cache_slot(key);
	char *value = NULL;

	pthread_mutex_lock(&cache_lock);
	if (entry->key && strcmp(entry->key, key) == 0)
		value = strdup(entry->value);
	pthread_mutex_unlock(&cache_lock);
	return value;
}

static void session_reply(struct session *session, const char *format, ...)
{
	char reply[LINE_MAX_LENGTH + 16];
	va_list arguments;

	va_start(arguments, format);
	int length = vsnprintf(reply, sizeof(reply), format, arguments);
	va_end(arguments);
	send(session->fd, reply, length, MSG_NOSIGNAL); /* a client that left is noticed by the next read */
}

static void session_log_error(struct session *session, const char *request)
{
	struct session_error *error = malloc(sizeof(*error)); /* the leak: nobody frees it */

	if (!error)
		return;
	clock_gettime(CLOCK_REALTIME, &error->when);
	strncpy(error->request, request, sizeof(error->request) - 1);
	error->request[sizeof(error->request) - 1] = '\0';
	session->last_error = error;
}

static void session_get(struct session *session, char *arguments)
{
	char *value = cache_get(arguments);

	if (value)
		session_reply(session, "VALUE %s\n", value);
	else
		session_reply(session, "NONE\n");
	free(value);
}

static void session_set(struct session *session, char *arguments)
{
	char *value = strchr(arguments, ' ');

	if (!value) {
		session_log_error(session, arguments);
		session_reply(session, "ERROR\n");
		return;
	}
	*value++ = '\0';
	cache_set(arguments, value);
	session_reply(session, "OK\n");
}

static void session_request(struct session *session)
{
	char *request = strdup(session->line); /* churn */

	if (strncmp(request, "GET ", 4) == 0) {
		session_get(session, request + 4);
	} else if (strncmp(request, "SET ", 4) == 0) {
		session_set(session, request + 4);
	} else if (strcmp(request, "SHUTDOWN") == 0) {
		atomic_store(&stopping, true);
		shutdown(listener, SHUT_RDWR); /* wakes the workers that wait in accept */
		session_reply(session, "BYE\n");
	} else {
		session_log_error(session, request);
		session_reply(session, "ERROR\n");
	}
	free(request);
}

static void session_run(int fd)
{
	struct session *session = calloc(1, sizeof(*session));

	session->fd = fd;
	session->requests = fdopen(fd, "r");
	session->line = malloc(LINE_MAX_LENGTH);
	while (!atomic_load(&stopping) && fgets(session->line, LINE_MAX_LENGTH, session->requests)) {
		session->line[strcspn(session->line, "\r\n")] = '\0';
		session_request(session);
	}
	fclose(session->requests);
	free(session->line);
	free(session);
}

static void *worker(void *unused)
{
	(void)unused;
	while (!atomic_load(&stopping)) {
		int fd = accept(listener, NULL, NULL);

		if (fd >= 0)
			session_run(fd);
	}
	return NULL;
}

int main(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	pthread_t workers[N_WORKERS];

	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0 || bind(listener, (struct sockaddr *)&address, length) || listen(listener, 64) ||
	    getsockname(listener, (struct sockaddr *)&address, &length)) {
		perror("service");
		return 1;
	}
	printf("service: listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
	fflush(stdout);

	for (int i = 0; i < N_WORKERS; i++)
		pthread_create(&workers[i], NULL, worker, NULL);
	for (int i = 0; i < N_WORKERS; i++)
		pthread_join(workers[i], NULL);

	for (int i = 0; i < N_CACHE_ENTRIES; i++) {
		free(cache[i].key);
		free(cache[i].value);
	}
	close(listener);
	return 0;
}
