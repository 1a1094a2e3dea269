#!/usr/bin/env python3
"""The rules of CONTRIBUTING.md that a script can check.

usage: style.py SOURCE_ROOT
"""
import re
import shutil
import subprocess
import sys

import tree

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60
CLANG_FORMAT_MAJOR = "14"  # other versions format differently

TEXT_SUFFIXES = tree.C_SUFFIXES + (".py", ".sh", ".md", ".scd", ".build", ".json", ".txt", ".map", ".yml")
TEXT_NAMES = ("dev", ".ci/run", "demo/run", "bench/compare", "bench/run", "tests/corpus/run")
SHIPPED = ("protocol", "detector", "agent", "analyzer")
# Where conditional compilation may live; everywhere else the build picks a file.
IF_FILES = {"agent/compiler.h", "agent/real.c", "agent/unwind.c"}

REMINDER = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "X" + "XX"]) + r")\b")
CONDITIONAL = re.compile(r"^[ \t]*#[ \t]*(if|ifdef|ifndef|elif)\b.*$", re.M)


def check_text(path, text):
  lines = text.split("\n")
  for number, line in enumerate(lines, 1):
    if line != line.rstrip():
      yield f"{path}:{number}: blank at the end of the line"
    if REMINDER.search(line):
      yield f"{path}:{number}: {REMINDER.search(line).group()}: do it, or file an issue"
  if text and (not text.endswith("\n") or text.endswith("\n\n")):
    yield f"{path}: has to end in one newline"


def functions(text):
  """(name, first line, number of lines) of each function: braces in column 0, as the style has them."""
  start, head = 0, ""
  for number, line in enumerate(text.split("\n"), 1):
    if line == "{" and head.rstrip().endswith(")"):
      start = number
    elif line.startswith("}") and start:
      names = re.findall(r"(\w+)\s*\(", head)
      yield names[0] if names else "?", start, number - start + 1
      start = 0
    if line and not start:
      head = head + line if line[0] in " \t" else line


def check_c(path, text):
  lines = text.count("\n")
  if not text.startswith("/*"):
    yield f"{path}: has to begin with a comment that says what it is"
  if lines > MAX_FILE_LINES:
    yield f"{path}: {lines} lines, more than {MAX_FILE_LINES}"
  for name, start, length in functions(text):
    if length > MAX_FUNCTION_LINES:
      yield f"{path}:{start}: {name} has {length} lines, more than {MAX_FUNCTION_LINES}"
  if path.endswith(".h") and "#pragma once" not in text:
    yield f"{path}: has no #pragma once"
  if path.split("/")[0] in SHIPPED and path not in IF_FILES:
    for match in CONDITIONAL.finditer(text):
      number = text.count("\n", 0, match.start()) + 1
      yield f"{path}:{number}: {match.group().strip()}: conditionals belong in {', '.join(sorted(IF_FILES))}"


def check_format(root, paths):
  tool = shutil.which("clang-format")
  if not tool:
    print("clang-format is not installed: the format is not checked")
    return
  version = re.search(r"version (\d+)", tree.run(tool, "--version"))
  if not version or version.group(1) != CLANG_FORMAT_MAJOR:
    print(f"clang-format is not version {CLANG_FORMAT_MAJOR}: the format is not checked")
    return
  result = subprocess.run([tool, "--dry-run", "-Werror", "--", *paths], cwd=root, capture_output=True, text=True)
  differing = set(re.findall(r"^(.+?):\d+:\d+: error: ", result.stderr, re.M))
  for path in sorted(differing):
    yield f"{path}: not as clang-format has it; run ./dev format"
  if result.returncode and not differing:
    yield f"clang-format failed: {result.stderr.strip()}"


def main():
  root = sys.argv[1]
  problems = []
  texts = [path for path in tree.files(root) if path.endswith(TEXT_SUFFIXES) or path in TEXT_NAMES]
  sources = [path for path in texts if path.endswith(tree.C_SUFFIXES)]
  for path in texts:
    problems += check_text(path, tree.read(root, path))
  for path in sources:
    problems += check_c(path, tree.read(root, path))
  problems += check_format(root, sources)
  tree.finish(problems, len(texts))


if __name__ == "__main__":
  main()
