/*
 * Exactness -- whether a process's figures are exact, and if not, why, in plain sentences.
 */
#pragma once
#include "analyzer/model.h"

#define EXACTNESS_REASONS 16
struct exactness {
	unsigned n; /* 0: exact */
	char reasons[EXACTNESS_REASONS][192];
};

void exactness_judge(struct exactness *exactness, const struct process *process);
