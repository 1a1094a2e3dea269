#!/usr/bin/env python3
"""The documents say what the programs say.

usage: docs.py SOURCE_ROOT BUILD_ROOT [--write]
The option tables of README.md and man/libguard.7.scd stand between markers and equal what
`guardctl help options --format=markdown` prints; --write puts them there. Every command of
guardctl has its place in guardctl(1) and in the README. The options of a command are the same in its
help, in guardctl(1), in what it takes, and in the completions.
"""
import os
import re
import subprocess
import sys

import tree

README = "README.md"
COMMANDS_PAGE = "man/guardctl.1.scd"
AGENT_PAGE = "man/libguard.7.scd"
ZSH = "analyzer/completion/_guardctl"
BASH = "analyzer/completion/guardctl.bash"


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
  if "run" not in names or "report" not in names:
    yield f"guardctl help: no list of commands found (got {names})"


def options_of(guardctl, name):
  """{option: whether it takes an argument}, by the command's help: lines that begin with them."""
  lines = re.findall(r"^  (?:-\w, )?--([a-z]+)(=?)", tree.run(guardctl, "help", name), re.M)
  return {option: bool(argument) for option, argument in lines}


def documented(page):
  """{command: options} by the paragraphs of OPTIONS: *--name*..., then "(command, command) ..."."""
  found = {}
  for option, of in re.findall(r"^(?:\*?-\w.*, )?\*--([a-z]+)\*[^\n]*\n\t\(([a-z, ]+)\)", page, re.M):
    for name in of.split(", "):
      found.setdefault(name, set()).add(option)
  return found


def completed(text):
  """{command: options} by the cases of the zsh completion; $reporting stands for what several have."""
  shared = re.search(r"reporting=\((.*?)\)\n", text, re.S).group(1)
  return {name: set(re.findall(r"--([a-z]+)", line.replace("$reporting", shared))) - {"help"}
          for name, line in re.findall(r"^\t([a-z]+)\) (_arguments .*);;$", text, re.M)}


def takes(guardctl, name, option, argument):
  """Whether the command knows the option; --help behind it keeps it from doing anything."""
  ran = subprocess.run([guardctl, name, "--" + option] + ([] if argument else ["--help"]), capture_output=True, text=True,
                       stdin=subprocess.DEVNULL, timeout=60, check=False)
  return "unrecognized" not in ran.stderr


def check_options(root, guardctl, names):
  page, zsh = documented(tree.read(root, COMMANDS_PAGE)), completed(tree.read(root, ZSH))
  skipped = re.search(r"^\t*-o \| (.*)\) \(\(i\+\+\)\)", tree.read(root, BASH), re.M).group(1)
  of = {name: options_of(guardctl, name) for name in names}
  everything = {option: argument for options in of.values() for option, argument in options.items()}
  for name in names:
    for place, found in ((COMMANDS_PAGE, page), (ZSH, zsh)):
      for option in sorted(set(of[name]) ^ found.get(name, set())):
        yield f"{place}: --{option} of {name}: " + ("is not there" if option in of[name] else "the help does not have it")
    for option, argument in everything.items():
      if takes(guardctl, name, option, argument) != (option in of[name]):
        yield f"guardctl {name}: --{option}: the help and the command do not agree"
  for option, argument in of["run"].items():
    if argument and f"--{option}" not in skipped.split(" | "):
      yield f"{BASH}: the argument of --{option} would be taken for the command of run"


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
  problems += check_options(root, guardctl, names)
  if not rows(table):
    problems.append("guardctl help options --format=markdown: no rows")
  tree.finish(problems, len(rows(table)) + len(names))


if __name__ == "__main__":
  main()
