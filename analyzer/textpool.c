/*
 * Text pool -- see textpool.h. One hash entry and one allocation a string.
 */
#include "analyzer/textpool.h"
#include <stdlib.h>
#include <string.h>

struct pooled_text {
	UT_hash_handle hh;
	char text[];
};

const char *textpool_keep(struct textpool *pool, const char *text)
{
	struct pooled_text *kept = NULL;
	size_t length;

	if (!text)
		return NULL;
	length = strlen(text);
	HASH_FIND(hh, pool->texts, text, length, kept);
	if (kept)
		return kept->text;
	kept = calloc(1, sizeof(*kept) + length + 1);
	if (!kept)
		return NULL;
	memcpy(kept->text, text, length + 1);
	HASH_ADD_KEYPTR(hh, pool->texts, kept->text, length, kept);
	if (!kept->hh.tbl) {
		free(kept);
		return NULL;
	}
	return kept->text;
}

void textpool_fini(struct textpool *pool)
{
	struct pooled_text *text, *next;

	HASH_ITER (hh, pool->texts, text, next) {
		HASH_DEL(pool->texts, text);
		free(text);
	}
}
