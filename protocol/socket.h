/*
 * The socket -- where analyzer and agents meet, and whether to trust who is there.
 *
 * Default: $XDG_RUNTIME_DIR/guard.sock, else /run/guard/guard.sock for root, else
 * /tmp/guard-UID/guard.sock (a directory of mode 0700 owned by us). No libc call here allocates.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/un.h>

/* The path in use: `configured` unless empty, else the default. 0, or -ENAMETOOLONG. `environment` as main's envp. */
int socket_path(char *path, size_t size, const char *configured, char *const *environment);
/* Makes the directory of the path (0700) when it is a default one; -EPERM when it is not ours or open to others. For
 * listeners. */
int socket_prepare_directory(const char *path);
/* Fills the address; -ENAMETOOLONG when the path does not fit (107 bytes). */
int socket_address(struct sockaddr_un *address, const char *path);
/* Is the peer of this connected socket the same user, or root? (SO_PEERCRED) *pid gets its pid when not NULL. */
bool socket_peer_trusted(int fd, int *pid);
