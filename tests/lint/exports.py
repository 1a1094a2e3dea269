#!/usr/bin/env python3
"""libguard.so exports the interposed functions and nothing else.

usage: exports.py SOURCE_ROOT BUILD_ROOT
The list is the X-macro of agent/functions.h: one row X(type, name, (parameters)) a function.
"""
import os
import re
import sys

import tree

LIST = "agent/functions.h"


def declared(root):
  """Names of the rows: X(type, name, (parameters)) or X(name)."""
  text = re.sub(r"/\*.*?\*/", "", tree.read(root, LIST), flags=re.S).replace("\\\n", " ")
  return set(re.findall(r"\bX\((?:[\w\s*]+,)?\s*(\w+)\s*(?:,\s*\(|\))", text))


def exported(library):
  names = set()
  for line in tree.run("nm", "-D", "--defined-only", library).splitlines():
    names.add(line.split()[-1].split("@")[0])
  return names


def main():
  root, build = sys.argv[1:]
  library = os.path.join(build, "agent/libguard.so")
  tree.need_file(library)
  if not os.path.exists(os.path.join(root, LIST)):
    tree.finish([f"{LIST} is missing: it has to list the exported functions"], 1)
  allowed, found = declared(root), exported(library)
  problems = [f"{name}: exported, but not in {LIST}" for name in sorted(found - allowed)]
  problems += [f"{name}: in {LIST}, but not exported" for name in sorted(allowed - found)]
  if not allowed:
    problems.append(f"{LIST}: no row X(type, name, (parameters)) found")
  tree.finish(problems, len(found | allowed))


if __name__ == "__main__":
  main()
