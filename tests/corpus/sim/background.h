/*
 * Background -- the innocent sites that every program has beside the one that matters.
 */
#pragma once
#include "behaviour.h"
#include "random.h"
#include <stddef.h>

/* An innocent part with parameters of its own. Its name, of its kind and the number, goes into `name`, which stays. */
struct part background_draw(struct random *random, char *name, size_t size, unsigned number);
