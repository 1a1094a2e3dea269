/*
 * Text pool -- each distinct string once; pointers stay valid until the pool is freed.
 */
#pragma once
#include "analyzer/hash.h"

struct pooled_text;
struct textpool {
	struct pooled_text *texts;
};

/* The pool's copy of the text; NULL for NULL and when out of memory. */
const char *textpool_keep(struct textpool *pool, const char *text);
void textpool_fini(struct textpool *pool);
