#!/usr/bin/env python3
"""Runs real programs bare, with the agent preloaded, and under guardctl run; prints a row for each, and what differs.

usage: run.py --guardctl GUARDCTL --agent LIBGUARD [--unpacked FOLDER] [--list] [--show] [NAME...]

A row differs when something of a guarded run is in none of the bare runs: up to three of those are made, and only
after a difference. With one NAME that cannot be tried the exit status is 77.
"""
import argparse
import collections
import json
import os
import shlex
import sys
import tempfile
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import host  # noqa: E402
import place  # noqa: E402
import row  # noqa: E402
from place import harness  # noqa: E402

FAMILIES = ('shells', 'tools', 'web', 'databases', 'network', 'proxies', 'secure', 'sandboxes', 'runtimes', 'allocators',
            'media', 'desktop')
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


WIDTHS = (22, 10, 8, 12, 8, 8, 11, 7, 7)


def cell(text, column):
  return str(text).ljust(WIDTHS[column]) if column < 2 else str(text).rjust(WIDTHS[column])


def print_name(name):
  """The begin of a row: so that it can be seen which one runs."""
  print(cell(name, 0), end='  ', flush=True)


def print_rest(cells):
  print('  '.join(cell(text, column) for column, text in enumerate(cells, 1)).rstrip(), flush=True)


def try_row(runner, what):
  """(result, the other cells or why it was skipped, lines about it)"""
  reason = runner.skip(what)
  if reason:
    return 'skipped', reason, []
  began = time.monotonic()
  try:
    wrong, books = runner.compare(what)
  except Exception:  # a row that breaks is one of many
    return 'different', ['-'] * 7, traceback.format_exc().splitlines()
  if wrong == [UNPREPARED]:
    return 'skipped', books[:200], []
  cells = [books.exact(), '{:,}'.format(books.blocks), books.unknown, books.dropped, books.incomplete,
           0 if what.dormant else books.errors] if books else ['-'] * 6
  notes = ['%s: %s' % (title.replace('_', ' '), getattr(what, title)) for title in ('dormant', 'inexact', 'unknown_frees')
           if getattr(what, title)]
  return 'different' if wrong else 'same', cells + ['%.1f' % (time.monotonic() - began)], wrong or notes


def run_rows(runner, names):
  """Name -> result of each row."""
  results = {}
  print_name(COLUMNS[0])
  print_rest(COLUMNS[1:])
  for name in names:
    print_name(name)
    results[name], cells, lines = try_row(runner, row.ALL[name])
    print_rest(['skipped: ' + cells] if results[name] == 'skipped' else [results[name]] + cells)
    for line in lines:
      print('    ' + line)
    sys.stdout.flush()
  return results


def summary(results, seconds):
  tally = collections.Counter(results.values())
  print('%d programs: %d same, %d different, %d skipped, in %d min %d s' %
        (len(results), tally['same'], tally['different'], tally['skipped'], seconds // 60, seconds % 60))
  different = [name for name in results if results[name] == 'different']
  if different and len(results) > 1:
    print('those that differ, once more: ./dev hosts ' + shlex.join(different))
  if tally['skipped'] and len(results) == 1:
    return harness.SKIP
  return 1 if tally['different'] or not tally['same'] else 0


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
  began = time.monotonic()
  with tempfile.TemporaryDirectory(prefix='guard-matrix-') as folder:
    options.agent = os.environ['GUARD_AGENT'] = harness.for_all_users(options.agent, folder)
    results = run_rows(Runner(options), options.names or row.ALL)
  return summary(results, time.monotonic() - began)


if __name__ == '__main__':
  sys.exit(main())
