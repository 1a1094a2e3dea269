/*
 * Background -- the innocent sites that every program has beside the one that matters.
 */
#pragma once
#include "behaviour.h"
#include "random.h"

/* An innocent part with parameters of its own; `name` is the caller's and stays. */
struct part background_draw(struct random *random, const char *name);
