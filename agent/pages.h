/*
 * Pages -- which pages of a sparse mapping are real.
 *
 * mincore does not tell a page of its own from the kernel's one page of zeros, which stands wherever nothing was
 * written yet but something was read; /proc/self/pagemap does. Context: any; three system calls, no memory.
 */
#pragma once
#include <stddef.h>

#define PAGE_SIZE 4096u
#define PAGE_THERE 1u /* can be read without making it real or taking it back from swap */
#define PAGE_OWN 2u   /* memory of this process alone; pages that fork has shared are not, until they are written */

/* A descriptor for pages_look; -1 where the kernel has none: then all that is there counts as own. */
int pages_open(void);
void pages_close(int fd);
/* Fills `pages`, a byte a page. The mapping begins on a page. Where nothing is known all pages are said to be there. */
void pages_look(int fd, const void *mapping, size_t size, unsigned char *pages);
