/*
 * uthash, the one door to it: out of memory makes the add fail instead of ending the program.
 */
#pragma once
#define HASH_NONFATAL_OOM 1
#include <uthash.h>
