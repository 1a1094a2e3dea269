#!/usr/bin/env python3
"""The runner can fail: each way in which a report or a run may be wrong is found, and a right one passes."""
import copy
import json
import os
import sys
import tempfile

import books
import harness

BOOKS = '''process 71
leak<by<main 2 300 3 400 1 100
operator new 1 8 - - - -
inside@plugin.so 4 40 4 40 0 0
* 7 348 8 448 1 100
callsites leak<by<main 1
'''


def frame(function, module='/usr/bin/program'):
  return {'function': function, 'file': None, 'line': None, 'module': module, 'build_id': None, 'offset': 1,
          'inlined': False}


def callsite(figures, *frames):
  return dict(zip(books.FIGURES, figures), id='x', frames=list(frames))


def right_report():
  sites = [callsite((2, 300, 3, 400, 1, 100), frame('leak'), frame('by'), frame('main')),
           callsite((1, 8, 1, 8, 0, 0), frame('operator new(unsigned long)'), frame('main')),
           callsite((4, 40, 4, 40, 0, 0), frame('inside.isra.0', '/tmp/plugin.so'), frame('main'))]
  memory = {figure: sum(site[figure] for site in sites) for figure in books.FIGURES}
  memory['peak_live_bytes'] = 400
  return {'schema': 'guard-report/1', 'processes': [{
    'pid': 71, 'exe': '/usr/bin/program', 'started': '2026-01-01T00:00:00Z', 'exact': True, 'inexact_reasons': [],
    'end': {'how': 'exit', 'status': 0, 'signal': None, 'final_state': 'agent'}, 'memory': memory, 'callsites': sites,
    'agent': {'unknown_frees': 0, 'dropped': 0, 'verify_differences': 0}}]}


def complaints(report, sections, case):
  return (books.check_report(report) + books.compare(report, sections) + books.compare_ends(report, sections, case) +
          books.compare_cuts(report, case) + books.compare_losses(report, case))


def change(path, value):
  """A change to one place of a report."""
  def apply(report):
    place = report['processes'][0]
    for key in path[:-1]:
      place = place[key]
    place[path[-1]] = value
  return apply


def wrong_reports():
  for figure in books.FIGURES:
    yield figure, change(('callsites', 0, figure), 5)
    yield figure + ' of the process', change(('memory', figure), 5)
  for position in range(3):
    yield 'frame %d' % position, change(('callsites', 0, 'frames', position, 'function'), 'other')
  yield 'one frame only', change(('callsites', 0, 'frames'), [frame('leak')])
  yield 'no frames', change(('callsites', 0, 'frames'), [])
  yield 'module', change(('callsites', 2, 'frames', 0, 'module'), '/tmp/other.so')
  yield 'pid', change(('pid',), 72)
  yield 'not exact', change(('exact',), False)
  yield 'how', change(('end', 'how'), 'signal')
  yield 'status', change(('end', 'status'), 1)
  yield 'no final state', change(('end', 'final_state'), 'none')
  yield 'unknown frees', change(('agent', 'unknown_frees'), 1)
  yield 'verify', change(('agent', 'verify_differences'), 1)
  yield 'cut', change(('callsites', 0, 'cut'), True)

  def twice(report):
    site = copy.deepcopy(report['processes'][0]['callsites'][0])
    report['processes'][0]['callsites'].append(dict(site, **{figure: 0 for figure in books.FIGURES}))
  yield 'a callsite in two', twice


# A guardctl that runs the program, writes a report made before, and misbehaves in one way.
FAKE = '''#!/usr/bin/env python3
import json, os, subprocess, sys
report = next(word for word in sys.argv if word.startswith('json:'))[5:]
command = sys.argv[sys.argv.index('--') + 1:]
how = '@HOW@'
child = subprocess.Popen(command)
status = child.wait()
made = json.loads("""@REPORT@""")
made['processes'][0]['pid'] = child.pid
if how != 'no report':
  with open(report, 'w') as file:
    json.dump(made, file)
if how == 'left process':
  subprocess.Popen(['sleep', '30'], stdin=-3, stdout=-3, stderr=-3)
if how == 'output':
  print('hello')
if how == 'stderr':
  print('a word', file=sys.stderr)
if how == 'own stderr':
  print('guardctl: a word', file=sys.stderr)
if how == 'hang':
  import time
  time.sleep(60)
sys.exit(status + (how == 'status'))
'''
PROGRAM = '''#!/bin/sh
echo "process $$
leak<by<main 2 300 3 400 1 100" >> "$EXPECT"
'''


def check_runs(folder, wrong):
  def write(name, text):
    with open(os.path.join(folder, name), 'w', encoding='utf-8') as file:
      file.write(text)
    os.chmod(os.path.join(folder, name), 0o755)

  write('program', PROGRAM)
  write('program.c', '/*\n * case: only\n */\n')
  runner = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'run.py')
  command = [sys.executable, runner, '--guardctl', os.path.join(folder, 'guardctl'), os.path.join(folder, 'program.c'),
             os.path.join(folder, 'program')]
  for how, status in (('right', 0), ('own stderr', 0), ('no report', 1), ('status', 1), ('output', 1), ('stderr', 1),
                      ('left process', 1), ('hang', 1)):
    write('guardctl', FAKE.replace('@HOW@', how).replace('@REPORT@', json.dumps(right_report())))
    run = harness.run(command, dict(os.environ, E2E_TIME_LIMIT='3' if how == 'hang' else '200'))
    if run.status != status:
      wrong.append('guardctl that is "%s": runner ended with %d: %s' % (how, run.status, run.output.decode()[-300:]))


def main():
  harness.adopt_orphans()
  wrong = []
  case = {'name': 'only', 'how': 'exit', 'uncut': 'leak'}
  with tempfile.TemporaryDirectory(prefix='guard-e2e-') as folder:
    path = os.path.join(folder, 'books')
    with open(path, 'w', encoding='utf-8') as file:
      file.write(BOOKS)
    sections = books.read(path)
    wrong += ['right report: ' + text for text in complaints(right_report(), sections, case)]
    n = 0
    for what, apply in wrong_reports():
      report = right_report()
      apply(report)
      n += 1
      if not complaints(report, sections, case):
        wrong.append('not found: ' + what)
    if not books.compare_losses(right_report(), dict(case, lost='no_room')):
      wrong.append('not found: a reason that is not given')
    check_runs(folder, wrong)
  for text in wrong:
    print('  ' + text)
  print('WRONG' if wrong else 'right: %d wrong reports found, 6 wrong runs' % n)
  sys.exit(1 if wrong else 0)


if __name__ == '__main__':
  main()
