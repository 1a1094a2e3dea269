#!/usr/bin/env python3
"""Runs real programs bare, with the agent preloaded, and under guardctl run; prints what differs, one row a program.

usage: run.py --guardctl GUARDCTL --agent LIBGUARD [--unpacked FOLDER] [--list] [--show] [NAME...]

A row differs when something of a guarded run is in none of the bare runs: up to three of those are made, and only
after a difference. With one NAME that cannot be tried the exit status is 77.
"""
import argparse
import collections
import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import host  # noqa: E402
import place  # noqa: E402
import row  # noqa: E402
from place import harness  # noqa: E402

FAMILIES = ('shells', 'tools', 'web', 'databases', 'network', 'proxies', 'secure', 'sandboxes', 'runtimes', 'allocators',
            'desktop')
BARE_RUNS = 3
UNPREPARED = 'what it needs could not be made'
COLUMNS = ('program', 'result', 'exact', 'blocks', 'unknown', 'dropped', 'incomplete', 'errors', 'seconds')


def differences(what, bares, guarded):
  """Aspects of the guarded run that no bare run shows: aspect -> (bare, guarded)."""
  found = {}
  for aspect in guarded:
    if aspect not in what.forgive and all(guarded[aspect] != bare.get(aspect) for bare in bares):
      found[aspect] = (bares[-1].get(aspect), guarded[aspect])
  return found


def shorten(lines, others):
  """Of two lists of lines, what only the first has."""
  if not isinstance(lines, list) or not isinstance(others, list):
    return repr(lines)[:600]
  rest = collections.Counter(lines) - collections.Counter(others)
  return ' | '.join(list(rest.elements())[:6])[:900] or '(the same lines in another order or number)'


class Runner:
  def __init__(self, options):
    self.options, self.path = options, place.search_path(options.unpacked)

  def once(self, what, way, wanted=()):
    there = place.Place(what, self.path)
    try:
      there.lay_out()
      return host.Host(there, way, self.options).outcome(wanted)
    finally:
      there.close()

  def skip(self, what):
    there = place.Place(what, self.path)
    try:
      return what.missing(there)
    finally:
      there.close()

  def compare(self, what):
    """(difference lines, figures; or why it cannot be tried): a bare run, then each guarded way, then more bare runs where they are needed."""
    bares, books, wrong = [self.once(what, 'bare')[0]], None, []
    if self.options.show:
      print(json.dumps(bares[0], indent=1))
    if 'failure' in bares[0]:
      return [UNPREPARED], bares[0]['failure'].strip().replace('\n', ' ')
    for way in ('preload', 'run'):
      seen, found = self.once(what, way, bares)
      while differences(what, bares, seen) and len(bares) < BARE_RUNS:
        bares.append(self.once(what, 'bare', [seen])[0])
      for aspect, (bare, guarded) in differences(what, bares, seen).items():
        wrong.append('%s, %s: bare: %s' % (way, aspect, shorten(bare, guarded)))
        wrong.append('%s, %s: guarded: %s' % (way, aspect, shorten(guarded, bare)))
      if way == 'run':
        books = found
        wrong += books.wrong(what)
    return wrong, books


def print_row(cells):
  widths = (22, 10, 8, 12, 8, 8, 11, 7, 7)
  print('  '.join(str(cell).ljust(width) if i < 2 else str(cell).rjust(width)
                  for i, (cell, width) in enumerate(zip(cells, widths))).rstrip(), flush=True)


def run_row(runner, what, tally):
  reason = runner.skip(what)
  if reason:
    tally['skipped'] += 1
    print_row([what.name, 'skipped: ' + reason])
    return
  began = time.monotonic()
  wrong, books = runner.compare(what)
  if wrong == [UNPREPARED]:
    tally['skipped'] += 1
    print_row([what.name, 'skipped: ' + books])
    return
  result = 'different' if wrong else 'same'
  tally[result] += 1
  cells = [books.exact(), '{:,}'.format(books.blocks), books.unknown, books.dropped, books.incomplete,
           0 if what.dormant else books.errors] if books else ['-'] * 6
  print_row([what.name, result] + cells + ['%.1f' % (time.monotonic() - began)])
  for line in wrong:
    print('    ' + line)
  for title in ('dormant', 'inexact', 'unknown_frees'):
    if getattr(what, title) and not wrong:
      print('    %s: %s' % (title.replace('_', ' '), getattr(what, title)))
  sys.stdout.flush()


def parse():
  parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
  parser.add_argument('--guardctl', required=True)
  parser.add_argument('--agent', required=True)
  parser.add_argument('--unpacked', default='', help='folder of packages that were unpacked, not installed')
  parser.add_argument('--list', action='store_true', help='the names, as JSON')
  parser.add_argument('--show', action='store_true', help='what the first bare run was seen to do, as JSON')
  parser.add_argument('names', nargs='*')
  options = parser.parse_args()
  for name in ('guardctl', 'agent', 'unpacked'):
    if getattr(options, name):
      setattr(options, name, os.path.abspath(getattr(options, name)))
  return options


def main():
  options = parse()
  for family in FAMILIES:
    __import__('rows_' + family)
  if options.list:
    print(json.dumps(sorted(row.ALL)))
    return 0
  unknown = [name for name in options.names if name not in row.ALL]
  if unknown:
    print('no such row: %s; there are %s' % (', '.join(unknown), ', '.join(row.ALL)))
    return 2
  harness.adopt_orphans()
  runner, tally = Runner(options), collections.Counter()
  print_row(COLUMNS)
  for name in options.names or row.ALL:
    run_row(runner, row.ALL[name], tally)
  print('%d programs: %d same, %d different, %d skipped' %
        (sum(tally.values()), tally['same'], tally['different'], tally['skipped']))
  if tally['skipped'] and sum(tally.values()) == 1:
    return harness.SKIP
  return 1 if tally['different'] or not tally['same'] else 0


if __name__ == '__main__':
  sys.exit(main())
