#!/usr/bin/env python3
"""Every hazard of tests/hazards.md is settled: by a test that there is, by code that there is, or by words of libguard(7).

usage: hazards.py SOURCE_ROOT BUILD_ROOT
"""
import json
import os
import re
import sys

import tree

LEDGER, PAGE = "tests/hazards.md", "man/libguard.7.scd"
HAZARDS = 128
ROW = re.compile(r"\| (\d+) \| ([^|]+) \| ([^|]+) \|")
TEST = re.compile(r"test `([^`]+)` \[([^\]]+)\]")
NEVER = re.compile(r"never `([^`]+)`(?:: (\S.+))?")
LIMIT = re.compile(r'limit "([^"]+)"')


def registered(build):
  """Name of a test -> all that its command and environment mention."""
  path = os.path.join(build, "meson-info", "intro-tests.json")
  tree.need_file(path)
  with open(path, encoding="utf-8") as file:
    return {test["name"]: " ".join(test["cmd"]) for test in json.load(file)}


def words(text):
  """A page of scdoc as plain words: no line breaks, no marks."""
  return " ".join(re.sub(r"[*_\\]", "", text).split())


def check_way(way, root, tests, page):
  """What is wrong with one way in which a hazard is settled."""
  test, never, limit = TEST.fullmatch(way), NEVER.fullmatch(way), LIMIT.fullmatch(way)
  if test:
    path, name = test.groups()
    stem = os.path.splitext(os.path.basename(path))[0]
    if not os.path.isfile(os.path.join(root, path)):
      yield f"there is no {path}"
    if name not in tests:
      yield f"there is no test '{name}'"
    elif stem not in tests[name]:
      yield f"the test '{name}' has nothing to do with {path}"
  elif never:
    if not os.path.isfile(os.path.join(root, never.group(1))):
      yield f"there is no {never.group(1)}"
    if not never.group(2):
      yield f"never, but not why: {way}"
  elif limit:
    if words(limit.group(1)) not in page:
      yield f'{PAGE} does not say "{limit.group(1)}"'
  else:
    yield f"neither test, never nor limit: {way}"


def check(text, root, tests, page):
  """All that is wrong with the ledger."""
  rows = [ROW.fullmatch(line) for line in text.splitlines() if line.startswith("| ")]
  problems = [f"not a row: {line}" for line in text.splitlines()
              if line.startswith("| ") and not ROW.fullmatch(line) and not line.startswith("| # |")]
  numbers = [int(row.group(1)) for row in rows if row]
  problems += [f"{n}: {numbers.count(n)} rows" for n in range(1, HAZARDS + 1) if numbers.count(n) != 1]
  problems += [f"{n}: no such hazard" for n in numbers if not 1 <= n <= HAZARDS]
  for row in filter(None, rows):
    ways = [way.strip() for way in row.group(3).split("; ")]
    problems += [f"{row.group(1)}: {problem}" for way in ways for problem in check_way(way, root, tests, page)]
  return problems, len(numbers)


def prove(text, root, tests, page):
  """The lint finds what is broken on purpose; a lint that cannot fail proves nothing."""
  lines = text.splitlines()
  first = next(i for i, line in enumerate(lines) if line.startswith("| 1 |"))
  limit = next(i for i, line in enumerate(lines) if ' limit "' in line)
  broken = {
    "a missing row": lines[:first] + lines[first + 1:],
    "a double row": lines + [lines[first]],
    "an empty cell": lines[:first] + ["| 1 | something |  |"] + lines[first + 1:],
    "a test that is not there": [line.replace("[lint needed]", "[lint wanted]") for line in lines],
    "a file that is not there": [line.replace("needed.py", "wanted.py") for line in lines],
    "another test's name": [line.replace("[host plugins]", "[host jumps]") for line in lines],
    "a limit that is not documented": lines[:limit] + [lines[limit].replace('limit "', 'limit "not ')] + lines[limit + 1:],
    "a reason that is not given": lines[:first] + ["| 1 | something | never `agent/sys.h` |"] + lines[first + 1:],
  }
  for what, changed in broken.items():
    if not check("\n".join(changed), root, tests, page)[0]:
      yield f"the lint does not find {what}"


def main():
  root, build = sys.argv[1:3]
  tests, page, text = registered(build), words(tree.read(root, PAGE)), tree.read(root, LEDGER)
  problems, rows = check(text, root, tests, page)
  problems += prove(text, root, tests, page)
  tree.finish([f"{LEDGER}: {problem}" for problem in problems], rows)


if __name__ == "__main__":
  main()
