#!/usr/bin/env python3
"""The documents say what the programs say.

usage: docs.py SOURCE_ROOT BUILD_ROOT [--write]
The option tables of README.md and man/libguard.7.scd stand between markers and equal what
`guardctl help options --format=markdown` prints; --write puts them there. Every command of
guardctl and every option of a command has its place in guardctl(1), every command in the README.
"""
import os
import re
import sys

import tree

README = "README.md"
COMMANDS_PAGE = "man/guardctl.1.scd"
AGENT_PAGE = "man/libguard.7.scd"


def cells(line):
  return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]


def rows(table):
  """The rows of a markdown table without its head."""
  return [cells(line) for line in table.strip().splitlines()[2:]]


def as_scdoc(table):
  """The same table as scdoc definitions."""
  text = ""
  for name, default, *_, meaning in rows(table):
    name, default = name.strip("`"), default.strip("`")
    default = f" (default: {default})" if default else ""
    text += f"*{escape(name)}*{escape(default)}\n\t{escape(meaning)}\n\n"
  return text


def escape(text):
  return re.sub(r"([*_\\])", r"\\\1", text.replace("`", ""))


def block(text, begin, end):
  """(start, end) of what stands between two marker lines."""
  start, stop = text.find(begin), text.find(end)
  if start < 0 or stop < start:
    return None
  return start + len(begin), stop


def put(root, path, begin, end, content, write):
  """A problem, or None. The markers stay, what is between them becomes content."""
  text = tree.read(root, path)
  place = block(text, begin, end)
  if not place:
    return f"{path}: no markers {begin.strip()} and {end.strip()}"
  if text[place[0]:place[1]] == content:
    return None
  if not write:
    return f"{path}: its option table is not what guardctl says; run ./dev docs"
  with open(os.path.join(root, path), "w", encoding="utf-8") as file:
    file.write(text[:place[0]] + content + text[place[1]:])
  print(f"{path}: option table written")
  return None


def commands(guardctl):
  """Names of the commands: the lines of `guardctl help` that are a name, blanks, a sentence."""
  return re.findall(r"^ {2,}(?:guardctl )?([a-z][a-z-]+)(?: .*)? {2,}\S", tree.run(guardctl, "help"), re.M)


def check_commands(root, guardctl, names):
  page, readme = tree.read(root, COMMANDS_PAGE), tree.read(root, README)
  for name in names:
    if not re.search(rf"^\*{name}\*", page, re.M):
      yield f"{COMMANDS_PAGE}: says nothing about the command {name}"
    if f"guardctl {name}" not in readme:
      yield f"{README}: does not mention guardctl {name}"
    for option in sorted(set(re.findall(r"--([a-z][a-z-]+)", tree.run(guardctl, "help", name)))):
      if not re.search(rf"\*--{option}\*|--{option}=", page):
        yield f"{COMMANDS_PAGE}: says nothing about --{option} of {name}"
  if "run" not in names or "report" not in names:
    yield f"guardctl help: no list of commands found (got {names})"


def main():
  root, build = sys.argv[1:3]
  write = "--write" in sys.argv[3:]
  guardctl = os.path.join(build, "analyzer/guardctl")
  readme = tree.read(root, README)
  problems = [f"{README}: does not show {command}" for command in ("./dev demo", "./dev test")
              if command not in readme]
  if not os.path.exists(guardctl):
    if problems:
      tree.finish(problems, 1)
    tree.skip(f"{guardctl} is not built")

  table = tree.run(guardctl, "help", "options", "--format=markdown").strip() + "\n"
  problems += filter(None, [
    put(root, README, "<!-- options -->\n", "<!-- /options -->", table, write),
    put(root, AGENT_PAGE, "; options\n\n", "; /options", as_scdoc(table), write),
  ])
  names = commands(guardctl)
  problems += check_commands(root, guardctl, names)
  if not rows(table):
    problems.append("guardctl help options --format=markdown: no rows")
  tree.finish(problems, len(rows(table)) + len(names))


if __name__ == "__main__":
  main()
