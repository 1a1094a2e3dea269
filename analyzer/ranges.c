/*
 * Ranges -- see ranges.h. An array, sorted once; 32 bytes a range.
 */
#include "analyzer/ranges.h"
#include <stdlib.h>

bool ranges_add(struct ranges *ranges, uint64_t low, uint64_t high, uint32_t index)
{
	if (low == 0 || high <= low)
		return true;
	if (ranges->n == ranges->n_allocated) {
		size_t n = ranges->n_allocated ? ranges->n_allocated * 2 : 64;
		struct range *table = reallocarray(ranges->table, n, sizeof(*table));

		if (!table)
			return false;
		ranges->table = table;
		ranges->n_allocated = n;
	}
	/* reach holds the order of arrival until ranges_sort. */
	ranges->table[ranges->n] = (struct range){.low = low, .high = high, .reach = ranges->n, .index = index};
	ranges->n++;
	return true;
}

static int range_compare(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	if (x->low != y->low)
		return x->low < y->low ? -1 : 1;
	return x->reach < y->reach ? -1 : x->reach > y->reach;
}

void ranges_sort(struct ranges *ranges)
{
	uint64_t reach = 0;

	if (ranges->n > 1)
		qsort(ranges->table, ranges->n, sizeof(*ranges->table), range_compare);
	for (size_t i = 0; i < ranges->n; i++) {
		if (ranges->table[i].high > reach)
			reach = ranges->table[i].high;
		ranges->table[i].reach = reach;
	}
}

const struct range *ranges_before(const struct ranges *ranges, uint64_t address)
{
	size_t low = 0, high = ranges->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ranges->table[middle].low <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? &ranges->table[low - 1] : NULL;
}

const struct range *ranges_find(const struct ranges *ranges, uint64_t address)
{
	const struct range *range = ranges_before(ranges, address);

	for (; range && range->reach > address; range--) {
		if (range->high > address)
			return range;
		if (range == ranges->table)
			break;
	}
	return NULL;
}

void ranges_fini(struct ranges *ranges)
{
	free(ranges->table);
	*ranges = (struct ranges){0};
}
