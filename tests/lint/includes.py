#!/usr/bin/env python3
"""Who may include whom: the architecture, as a test.

usage: includes.py SOURCE_ROOT
"""
import os
import re
import sys

import tree

# Folder -> the folders of ours that it may include. Tests and benchmarks may include any.
OURS = {
  "protocol": {"protocol"},
  "detector": {"protocol", "detector"},
  "agent": {"protocol", "detector", "agent"},
  "analyzer": {"protocol", "detector", "analyzer"},
  "demo": set(),
}

# Third-party header -> the files that may include it. A name that ends in / is a folder.
THIRD_PARTY = {
  r"uthash\.h|utlist\.h|utarray\.h|utstring\.h": {"analyzer/hash.h", "agent/hash.h"},
  r"libunwind.*\.h": {"agent/unwind.c"},
  r"jansson\.h|elfutils/.*|dwarf\.h|libelf\.h|gelf\.h|demangle\.h|libiberty/.*": {"analyzer/"},
}

# Everything else that shipped code includes has to be of libc or the kernel.
LIBC = re.compile(r"(sys|linux|asm|arpa|netinet|net|bits)/[a-z0-9_]+\.h|("
                  "alloca|assert|complex|ctype|dirent|dlfcn|elf|endian|err|errno|error|fcntl|features|fenv|float|"
                  "fnmatch|ftw|getopt|glob|gnu/libc-version|grp|inttypes|langinfo|libgen|libintl|limits|link|locale|"
                  "malloc|math|mqueue|netdb|poll|pthread|pwd|regex|sched|search|semaphore|setjmp|signal|spawn|stdalign|"
                  "stdarg|stdatomic|stdbool|stddef|stdint|stdio|stdlib|stdnoreturn|string|strings|syscall|sysexits|"
                  "syslog|termios|time|ucontext|unistd|utime|utmp|wait|wchar|wctype|wordexp|"
                  "cpuid|immintrin|x86intrin|emmintrin|unwind"
                  r")\.h")

# The detector is pure: no I/O, no clock, no memory of its own.
DETECTOR_LIBC = {"assert.h", "float.h", "inttypes.h", "limits.h", "math.h", "stdarg.h", "stdbool.h", "stddef.h",
                 "stdint.h", "string.h"}
DETECTOR_EXEMPT = {"detector/reason.c": {"stdio.h", "stdlib.h"}}  # puts numbers into words: snprintf

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)', re.M)


def allowed_third_party(path, header):
  """None: not a third-party header; else whether path may include it."""
  for pattern, places in THIRD_PARTY.items():
    if re.fullmatch(pattern, header):
      return any(path == place or (place.endswith("/") and path.startswith(place)) for place in places)
  return None


def check_ours(root, path, header):
  folder = path.split("/")[0]
  target = header.split("/")[0]
  if "/" not in header:
    if folder in ("tests", "bench") and os.path.exists(os.path.join(root, os.path.dirname(path), header)):
      return None  # programs under test are compiled one by one, with their header beside them
    return f'"{header}" does not say its folder'
  if not os.path.exists(os.path.join(root, header)):
    return f'"{header}" does not exist under the source root'
  if folder in OURS and target not in OURS[folder]:
    return f"{folder}/ must not include {target}/ ({header})"
  return None


def check_foreign(path, header):
  folder = path.split("/")[0]
  allowed = allowed_third_party(path, header)
  if allowed is False and folder not in ("tests", "bench"):
    return f"<{header}> has its own place: {', '.join(places_of(header))}"
  if allowed is None and folder in OURS and not LIBC.fullmatch(header):
    return f"<{header}> is neither libc nor a library that this lint knows"
  if folder == "detector" and header not in DETECTOR_LIBC | DETECTOR_EXEMPT.get(path, set()):
    return f"<{header}>: the detector is pure, no I/O and no clock"
  return None


def places_of(header):
  for pattern, places in THIRD_PARTY.items():
    if re.fullmatch(pattern, header):
      return sorted(places)
  return []


def main():
  root = sys.argv[1]
  problems = []
  checked = 0
  for path in tree.files(root, tree.C_SUFFIXES):
    for match in INCLUDE.finditer(tree.read(root, path)):
      quoted, angled = match.groups()
      checked += 1
      problem = check_ours(root, path, quoted) if quoted else check_foreign(path, angled)
      if problem:
        problems.append(f"{path}: {problem}")
  tree.finish(problems, checked)


if __name__ == "__main__":
  main()
