/*
 * Cleanup -- attributes that release a local when its scope ends, where early returns are many.
 */
#pragma once
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_free_pointer(void *p)
{
	free(*(void **)p);
}
static inline void cleanup_close_fd(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}
static inline void cleanup_close_stream(FILE **stream)
{
	if (*stream)
		fclose(*stream);
}

#define cleanup_free __attribute__((cleanup(cleanup_free_pointer)))
#define cleanup_close __attribute__((cleanup(cleanup_close_fd)))
#define cleanup_fclose __attribute__((cleanup(cleanup_close_stream)))
