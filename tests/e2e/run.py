#!/usr/bin/env python3
"""Runs a test program bare and under guardctl, and compares the report with the program's own books.

The program's source says in its head comment how it is run and what is expected, one line a case:

  case: NAME  key=value ...

  args=A,B     arguments            env=N=V      environment (repeatable)
  preload=LIB  another library, preloaded in both runs; the case is skipped where it is neither given nor installed
  set=N=V      an option for guardctl run --set (repeatable)
  exit=N       exit status (default 0), or signal=SIGNAME
  how=, final= the end.how and end.final_state of the process;  hows=A,B  those of all images of its pid
  exact=any    the report need not say "exact";  lost=A_B  it does not, and a reason has the words A B
  cut=NAME     stacks that hold NAME are marked as cut;  uncut=NAME  they are not
  skip-exit: N (a line of its own)  the program's status that means: cannot be tested here

Status and output must be those of the bare run, and no process may be left over.
"""
import argparse
import os
import re
import shutil
import sys
import tempfile

import harness
import books


def parse_cases(source):
  head = source.split('*/', 1)[0]
  cases = []
  for name, rest in re.findall(r'^ \* case: *(\S+)[ \t]*(.*)$', head, re.M):
    case = {'name': name, 'env': [], 'set': []}
    for word in rest.split():
      key, value = word.split('=', 1)
      if key in ('env', 'set'):
        case[key].append(value)
      else:
        case[key] = value
    unknown = set(case) - {'name', 'args', 'env', 'preload', 'set', 'exit', 'signal', 'how', 'final', 'hows', 'exact',
                           'cut', 'uncut', 'lost'}
    if unknown:
      sys.exit('unknown key in case %s: %s' % (name, ' '.join(unknown)))
    cases.append(case)
  skip = re.search(r'^ \* skip-exit: *(\d+)', head, re.M)
  return cases or [{'name': 'only', 'env': [], 'set': []}], int(skip.group(1)) if skip else None


def case_environment(case, folder, expect):
  environment = harness.environment(folder)
  environment['EXPECT'] = expect
  for assignment in case['env']:
    name, value = assignment.split('=', 1)
    environment[name] = value
  return environment


def expected_status(case):
  if 'signal' in case:
    return 128 + harness.signal_number(case['signal'])
  return int(case.get('exit', 0))


def run_case(case, program, guardctl, folder, skip_exit, libraries):
  """None when all is as expected, 'skip', or a list of what is not."""
  arguments = [program] + (case['args'].split(',') if 'args' in case else [])
  bare_file, expect_file = os.path.join(folder, 'bare'), os.path.join(folder, 'expect')
  report_file = os.path.join(folder, 'report.json')
  preload = None
  if 'preload' in case:
    preload = libraries.get(case['preload']) or harness.find_library(case['preload'])
    if not preload:
      return 'skip'
  environment = case_environment(case, folder, bare_file)
  if preload:
    environment['LD_PRELOAD'] = preload
  bare = harness.run(arguments, environment)
  if skip_exit is not None and bare.status == skip_exit:
    return 'skip'
  wrong = []
  if bare.status != expected_status(case):
    wrong.append('bare run: status %d, expected %d' % (bare.status, expected_status(case)))
  if not os.path.exists(bare_file):
    wrong.append('bare run: wrote no books')
  if not guardctl:
    return wrong + ['bare run: left processes: ' + text for text in bare.leftovers]
  environment['EXPECT'] = expect_file
  command = [guardctl, 'run', '--report', 'json:' + report_file]
  for option in case['set']:
    command += ['--set', option]
  guarded = harness.run(command + ['--'] + arguments, environment)
  wrong += harness.compare_runs(bare, guarded)
  report, complaint = harness.load_report(report_file)
  if complaint:
    return wrong + [complaint] + guarded.own_lines
  expected = books.read(expect_file) if os.path.exists(expect_file) else []
  if not expected:
    wrong.append('guarded run: wrote no books')
  wrong += books.check_report(report, require_exact=False)
  wrong += books.compare(report, expected, exact=case.get('exact') != 'any')
  wrong += books.compare_ends(report, expected, case)
  wrong += books.compare_cuts(report, case)
  wrong += books.compare_losses(report, case)
  return wrong + (guarded.own_lines if wrong else [])


def main():
  parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  parser.add_argument('--guardctl', help='the analyzer; without it, only the bare run is checked')
  parser.add_argument('--case', help='run this case only')
  parser.add_argument('--keep', action='store_true', help='keep the folder with books and report')
  parser.add_argument('--library', action='append', default=[], help='one that a case may preload')
  parser.add_argument('source')
  parser.add_argument('program')
  options = parser.parse_args()
  with open(options.source, encoding='utf-8') as file:
    cases, skip_exit = parse_cases(file.read())
  harness.adopt_orphans()
  n_run = n_failed = 0
  for case in cases:
    if options.case and case['name'] != options.case:
      continue
    folder = tempfile.mkdtemp(prefix='guard-e2e-')
    try:
      wrong = run_case(case, os.path.abspath(options.program), options.guardctl, folder, skip_exit,
                       {os.path.basename(path): os.path.abspath(path) for path in options.library})
    finally:
      if options.keep:
        print('kept %s' % folder)
      else:
        shutil.rmtree(folder, ignore_errors=True)
    n_run += wrong != 'skip'
    n_failed += bool(wrong) and wrong != 'skip'
    print('%s: %s' % (case['name'], 'skipped' if wrong == 'skip' else 'WRONG' if wrong else 'right'))
    if wrong and wrong != 'skip':
      for text in wrong[:40]:
        print('  ' + text)
      if len(wrong) > 40:
        print('  ... and %d more' % (len(wrong) - 40))
    sys.stdout.flush()
  sys.exit(1 if n_failed else 0 if n_run else 77)


if __name__ == '__main__':
  main()
