/*
 * The real functions -- the next definition after ours of everything we interpose.
 *
 * The table begins with boot functions, so a call before our constructor (or from dlsym itself)
 * needs no test on the fast path: the boot function resolves the table and passes the call on.
 * What dlsym allocates meanwhile comes from the boot heap, a bump allocator that never fails
 * before the system does. Requests reach the next allocator verbatim.
 */
#pragma once
#include "agent/functions.h"

#define REAL_FIELD(type, name, parameters) type(*name) parameters;
struct real {
	ALLOCATOR_FUNCTIONS(REAL_FIELD)
	PROCESS_FUNCTIONS(REAL_FIELD)
};
#undef REAL_FIELD

extern struct real real __attribute__((visibility("hidden")));

/* Fills the table; further calls do nothing. Context: any, before threads race for it too. */
void real_resolve(void);
