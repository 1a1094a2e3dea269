#!/usr/bin/env python3
"""Is the expected leak the first callsite of a guard-report/1 file? Says what it checked."""
import argparse
import json
import os
import sys

BAD = ("leak", "growth")  # a part of what is allocated is never freed, or all of it
failures = 0


def check(what, holds, found):
  global failures
  failures += not holds
  print(f"{'ok  ' if holds else 'FAIL'}  {what}" + ("" if holds else f" (found: {found})"))


def place(frame):
  return f"{os.path.basename(frame.get('file') or '?')}:{frame.get('line')}"


def main():
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument("report")
  parser.add_argument("--exe", required=True, help="file name of the program")
  parser.add_argument("--function", help="the function that leaks")
  parser.add_argument("--line", help="FILE:LINE of the allocation")
  parser.add_argument("--blocks", type=int, help="how many blocks were leaked")
  arguments = parser.parse_args()

  with open(arguments.report, encoding="utf-8") as file:
    report = json.load(file)
  check("the report is a guard-report/1", report.get("schema") == "guard-report/1", report.get("schema"))
  processes = [p for p in report["processes"] if os.path.basename(p["exe"]) == arguments.exe]
  check(f"it has one process of {arguments.exe}", len(processes) == 1, len(processes))
  if len(processes) != 1:
    return 1

  process = processes[0]
  check("the counts are exact", process["exact"], process["inexact_reasons"])
  check("the process ended with status 0 and told its final state itself",
        process["end"]["how"] == "exit" and process["end"]["status"] == 0
        and process["end"]["final_state"] == "agent", process["end"])
  check("the verdict is leak or growth", process["verdict"]["state"] in BAD, process["verdict"])
  if not process["callsites"]:
    check("there is a callsite", False, "none")
    return 1

  first = process["callsites"][0]
  check("so is the first callsite's", first["verdict"]["state"] in BAD, first["verdict"])
  check("it holds more blocks than any other",
        all(first["live_blocks"] >= other["live_blocks"] for other in process["callsites"]), first["live_blocks"])
  if arguments.blocks is not None:
    check(f"it holds {arguments.blocks} blocks, no more and no less", first["live_blocks"] == arguments.blocks,
          first["live_blocks"])
  leaf = first["frames"][0]
  if arguments.function:
    functions = [frame["function"] for frame in first["frames"]]
    check(f"its allocation is in {arguments.function}", leaf["function"] == arguments.function, functions)
  if arguments.line:
    right = os.path.basename(arguments.line)
    check(f"its source line is {arguments.line}", place(leaf) == right, place(leaf))
  return 1 if failures else 0


if __name__ == "__main__":
  sys.exit(main())
