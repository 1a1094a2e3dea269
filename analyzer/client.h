/*
 * Clients -- asking the collector of a running `guardctl serve`.
 *
 * Where none listens, the client listens itself for a moment: agents try again every second, so those
 * that look for an analyzer at this socket are soon there.
 */
#pragma once
#include "analyzer/model.h"

struct command;
/*
 * The options of a command that asks: --socket. Arguments begin at optind. An exit code, for --help and for what is
 * wrong; -1: go on.
 */
int client_options(const struct command *command, int argc, char **argv, const char **socket);
#define CLIENT_DETAILS "  --socket=PATH    where `guardctl serve` listens\n"

/* The pid that text is; -1 when it is none. */
int client_parse_pid(const char *text);

/* What an answer is made of; `frame` is a REPLY or a frame of a stream. */
typedef void (*client_taker)(void *context, const struct wire_header *frame);
/*
 * Asks (enum query_what) and hands each frame of the answer to `take`. `socket` NULL: the one of the options.
 * An exit code: EXIT_FAILED after a message when it cannot be answered.
 */
int client_ask(const char *socket, unsigned what, int pid, const char *text, client_taker take, void *context);
/* Where it says all that the answer is no refusal. */
int client_tell(const char *socket, unsigned what, int pid, const char *text);
/* Fills the model with the state of one process. An exit code. */
int client_fetch(struct model *model, const char *socket, int pid);
