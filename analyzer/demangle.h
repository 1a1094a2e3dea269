/*
 * Demangling -- C++ and Rust names into what the source says; all other names stay as they are.
 */
#pragma once

/*
 * The plain form of a linkage name, to be freed: C++ with its parameters, Rust (legacy and v0) without
 * its hash. NULL when the name is not mangled, does not parse, or memory is out: then use the name itself.
 */
char *demangle(const char *linkage);
