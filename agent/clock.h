/*
 * The kernel's clocks, read in the kernel's own page (the vDSO). A library that is preloaded beside us may have another
 * clock_gettime (libfaketime has): it would tell us another time than guardctl has, and run its code in our hooks.
 *
 * Context: any; async-signal-safe. No system call where the page has the clock, which it has for all but CPU time.
 */
#pragma once
#include <stdint.h>
#include <time.h>

uint64_t clock_ns(clockid_t clock);
