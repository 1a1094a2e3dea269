/*
 * Mutation. See mutate.h.
 */
#include "tests/fuzz/mutate.h"
#include "tests/fuzz/comparisons.h"
#include <string.h>

static uint64_t state = 1;

void draw_begin(uint64_t seed)
{
	state = seed | 1;
}

uint64_t draw(uint64_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return below ? (state >> 11) % below : 0;
}

/* Values at which lengths and offsets go wrong. */
static uint64_t interesting(void)
{
	static const uint64_t values[] = {0,	      1,
					  7,	      8,
					  24,	      63,
					  64,	      65,
					  127,	      128,
					  255,	      256,
					  4095,	      4096,
					  65535,      65536,
					  65537,      0x7fffffff,
					  0x80000000, 0xffffffc0,
					  0xfffffff8, ~0u,
					  1u << 24,   ~UINT64_C(0),
					  INT64_MAX,  UINT64_C(1) << 63,
					  1000000000};

	return values[draw(sizeof(values) / sizeof(values[0]))];
}

static void overwrite(uint8_t *data, size_t size)
{
	static const size_t widths[] = {1, 2, 4, 4, 8};
	size_t width = widths[draw(5)], at;
	uint64_t value = 0;

	if (size < width)
		return;
	at = draw(size - width + 1) / width * width;
	memcpy(&value, data + at, width);
	switch (draw(4)) {
	case 0:
		value = interesting();
		break;
	case 1:
		value = comparisons_value(draw(UINT32_MAX));
		break;
	case 2:
		value += draw(65) - 32;
		break;
	default:
		value ^= UINT64_C(1) << draw(8 * width);
	}
	memcpy(data + at, &value, width);
}

/* Copies a piece of the other over, or into, the input. Returns the new size. */
static size_t graft(uint8_t *data, size_t size, const struct input *other)
{
	size_t from = draw(other->size) & ~(size_t)(draw(2) ? 7 : 0), n = draw(other->size - from + 1);
	size_t at = draw(size + 1) & ~(size_t)(draw(2) ? 7 : 0);

	if (draw(2)) {
		n = n < size - at ? n : size - at;
	} else {
		n = n < INPUT_LONGEST - size ? n : INPUT_LONGEST - size;
		memmove(data + at + n, data + at, size - at);
		size += n;
	}
	memcpy(data + at, other->data + from, n);
	return size;
}

static size_t cut(uint8_t *data, size_t size)
{
	size_t at = draw(size + 1), n = draw(size - at + 1);

	if (draw(4) == 0)
		return at;
	n = n < 256 ? n : draw(256);
	memmove(data + at, data + at + n, size - at - n);
	return size - n;
}

size_t mutate(uint8_t *data, size_t size, const struct input *other)
{
	uint64_t mutations = 1 + draw(draw(8) ? 4 : 32);

	while (mutations--) {
		uint64_t kind = draw(16);

		if (kind == 0)
			size = cut(data, size);
		else if (kind <= 2)
			size = graft(data, size, other);
		else
			overwrite(data, size);
	}
	return size;
}
