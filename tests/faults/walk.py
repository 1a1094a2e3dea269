#!/usr/bin/env python3
"""The agent meets faults, the host must not notice, and the report must not lie.

usage: walk.py --guardctl GUARDCTL --inject INJECT [--long] PROGRAM [threads]

For each system call that the agent makes itself the first of them fails, in the next run the second, until a run has
no more of them; where there are many, every so many (--long: each). Then all of a kind, all kinds, and any of them
by chance. In each run status, output and errors are those of the program alone, and guardctl works. A report that
says "exact" has the program's own figures; where stacks were lost, all its blocks; any other gives a reason.
"""
import argparse
import os
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, 'e2e'))
import books  # noqa: E402
import harness  # noqa: E402

ENVIRONMENT = {'GUARD_START_DELAY': '3ms', 'GUARD_INTERVAL': '10ms'}
CALLS = ('mmap', 'mprotect', 'madvise', 'mincore', 'memfd_create', 'ftruncate', 'pwrite', 'fcntl', 'fstat', 'openat',
         'read', 'readlink', 'getcwd', 'prlimit', 'getrandom', 'socket', 'connect', 'sendmsg', 'recvfrom', 'poll',
         'rt_sigprocmask', 'pidfd_open', 'pidfd_getfd', 'library', 'thread')
# The first so many one by one, from there on in growing steps.
EACH = {'mmap': 30, 'mprotect': 30, 'fcntl': 30, 'read': 1, 'mincore': 1, 'fstat': 1}
EACH_OTHER = 3
BLOCKS = [name for name in books.FIGURES if name.endswith('blocks')]
CHANCES = ('1%', '5%', '30%')


class Walk:
  def __init__(self, options, folder):
    self.options, self.folder = options, folder
    self.program = [os.path.abspath(options.program)] + options.arguments
    self.wrong, self.runs, self.faults = [], 0, 0
    self.bare = harness.run(self.program, self.environment('bare'))
    self.totals = None

  def environment(self, expect):
    environ = harness.environment(self.folder)
    environ.update(ENVIRONMENT, EXPECT=os.path.join(self.folder, expect))
    return environ

  def run(self, what, when, seed=1):
    """One run; the number of faults it has met. What is wrong is noted."""
    paths = {name: os.path.join(self.folder, name) for name in ('expect', 'report', 'met')}
    for path in paths.values():
      if os.path.exists(path):
        os.remove(path)
    guarded = harness.run([self.options.inject, paths['met'], what, str(when), str(seed), self.options.guardctl, 'run',
                           '--report', 'json:' + paths['report'], '--'] + self.program, self.environment('expect'))
    if guarded.status == harness.SKIP:
      harness_skip()
    wrong = harness.compare_runs(self.bare, guarded)
    matched, faults = 0, 0
    if os.path.exists(paths['met']):
      with open(paths['met'], encoding='ascii') as file:
        matched, faults = map(int, file.read().split())
    silent = any('no agent has connected' in line for line in guarded.own_lines)
    report, complaint = harness.load_report(paths['report'])
    if complaint:
      wrong.append(complaint)
    elif not silent:
      wrong += self.judge(report, books.read(paths['expect']) if os.path.exists(paths['expect']) else [])
    self.runs += 1
    self.faults += faults
    if wrong:
      self.wrong += ['%s %s, seed %s (%d of %d calls failed):' % (what, when, seed, faults, matched)]
      self.wrong += ['  ' + line for line in wrong + guarded.own_lines]
    return faults

  def judge(self, report, sections):
    wrong = []
    totals = []
    for section, process in books.pair(report, sections):
      if not process:
        totals.append(None)  # dormant: a child that could not get a region of its own
        continue
      totals.append([process['memory'][figure] for figure in BLOCKS])
      if process['exact']:
        wrong += books.check_report({'processes': [process]})
      lost = process['agent']['incomplete_stacks'] or process['agent']['unwinder'] == 'none'
      if process['exact'] and not lost:
        wrong += books.compare({'processes': [process]}, [section])
      elif process['exact'] and self.totals and totals[-1] != self.totals[len(totals) - 1]:
        wrong.append('exact, but in all %s instead of %s' % (totals[-1], self.totals[len(totals) - 1]))
      elif not process['exact'] and not process['inexact_reasons']:
        wrong.append('not exact, without a reason')
    if self.totals is None:
      self.totals = totals
    return wrong

  def one_by_one(self, what):
    n, step = 1, 1
    while self.run(what, n):
      if n >= EACH.get(what, EACH_OTHER) and not self.options.long:
        step *= 2
      n += step
    return n - step

  def all(self):
    if self.run('any', 1000000) or self.totals is None or None in self.totals:
      self.wrong.append('the run without a fault is not as it should be')
      return
    kinds = [what for what in CALLS if what != 'thread' or not self.options.arguments]
    for what in kinds:
      print('%s: the last of them that failed alone is number %d' % (what, self.one_by_one(what)))
      sys.stdout.flush()
      self.run(what, '1+')
    self.run('openat,readlink', '1+')  # no /proc
    everything = ','.join(kinds)
    self.run(everything, '1+')
    for chance in CHANCES:
      for seed in range(1, 20 if self.options.long else 3):
        self.run(everything, chance, seed)


def harness_skip():
  print('no ptrace here')
  sys.exit(harness.SKIP)


def main():
  parser = argparse.ArgumentParser()
  parser.add_argument('--guardctl', required=True)
  parser.add_argument('--inject', required=True)
  parser.add_argument('--long', action='store_true', help='each call one by one')
  parser.add_argument('program')
  parser.add_argument('arguments', nargs='*', help='"threads": the program makes threads itself')
  options = parser.parse_args()
  options.guardctl, options.inject = os.path.abspath(options.guardctl), os.path.abspath(options.inject)
  harness.adopt_orphans()
  folder = tempfile.mkdtemp(prefix='guard-faults-')
  try:
    walk = Walk(options, folder)
    walk.all()
  finally:
    shutil.rmtree(folder, ignore_errors=True)
  print('\n'.join(walk.wrong))
  print('%d runs, %d faults' % (walk.runs, walk.faults))
  sys.exit(1 if walk.wrong or not walk.faults else 0)


if __name__ == '__main__':
  main()
