/*
 * Tests of agent/pages: a page that was written is ours, one that was only read is not, others are not there.
 */
#include "agent/pages.h"
#include "tests/unit/agent/agent.h"

#define PAGES 600u /* more than are asked for at once */

static unsigned char *mapping, pages[PAGES];

static void begin(void)
{
	mapping = mmap(NULL, PAGES * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
		       0);
	if (mapping == MAP_FAILED)
		abort();
	madvise(mapping, PAGES * PAGE_SIZE, MADV_NOHUGEPAGE);
	mapping[3 * PAGE_SIZE] = 1;
	mapping[(PAGES - 1) * PAGE_SIZE] = 1;
	(void)*(volatile unsigned char *)(mapping + 5 * PAGE_SIZE);
}

static void look(int fd)
{
	memset(pages, 0xff, sizeof(pages));
	pages_look(fd, mapping, PAGES * PAGE_SIZE, pages);
}

static void test_own(void)
{
	int fd = pages_open();

	begin();
	look(fd);
	CHECK_EQ(pages[3], PAGE_THERE | PAGE_OWN);
	CHECK_EQ(pages[PAGES - 1], PAGE_THERE | PAGE_OWN);
	CHECK_EQ(pages[4], 0);
	if (fd >= 0)
		CHECK_EQ(pages[5], PAGE_THERE);
	pages_close(fd);
}

static void child(void)
{
	int fd = pages_open();

	look(fd);
	CHECK_EQ(pages[3], PAGE_THERE); /* the parent's too */
	mapping[3 * PAGE_SIZE] = 2;
	look(fd);
	CHECK_EQ(pages[3], PAGE_THERE | PAGE_OWN);
	pages_close(fd);
}

static void test_fork(void)
{
	int fd = pages_open();

	pages_close(fd);
	if (fd < 0)
		return;
	begin();
	CHECK_EQ(in_child(child), 0);
}

static void test_without_pagemap(void)
{
	begin();
	look(-1);
	CHECK_EQ(pages[3], PAGE_THERE | PAGE_OWN);
	CHECK_EQ(pages[4], 0);
	forbid(SYS_mincore, ENOMEM);
	look(-1);
	CHECK_EQ(pages[4], PAGE_THERE | PAGE_OWN);
}

int main(void)
{
	CASE(test_own);
	CASE(test_fork);
	CASE(test_without_pagemap);
	return check_result();
}
