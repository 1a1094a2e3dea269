/*
 * Mutation -- an input made of others. The same draws give the same input.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define INPUT_LONGEST (256u * 1024)

struct input {
	uint8_t *data;
	size_t size;
};

/* A number below `below`; 0 where that is 0. */
uint64_t draw(uint64_t below);
void draw_begin(uint64_t seed);
/* Changes the INPUT_LONGEST bytes at data, `size` of them in use; `other` lends pieces. Returns the new size. */
size_t mutate(uint8_t *data, size_t size, const struct input *other);
