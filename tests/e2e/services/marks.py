#!/usr/bin/env python3
"""
Marks: one block a mark is found after five of them.

  C        guard_mark() through a weak declaration; the same program runs without the agent
  Python   through ctypes
  outside  guardctl mark, for one process and for all
"""
import os
import shutil
import signal

import service
from service import books, harness

PYTHON = '''
import ctypes
try:
  mark = ctypes.CDLL(None).guard_mark
except AttributeError:
  mark = None
kept = []
for number in range({rounds}):
  for size in range(1000):
    bytearray(200000 + size)
  kept.append(bytearray(100000))
  if mark:
    mark(b"round %d" % number)
'''


def run(test, what, command, expected):
  """Runs it guarded; the verdict has to be the expected one. Returns the process."""
  harness.run(test.guarded(command), test.environment)
  processes = test.report()['processes']
  if not test.check(processes, what + ': no process'):
    return None
  verdict = processes[0]['verdict']
  print('%s: %s, %s' % (what, verdict['state'], verdict['reasons']))
  test.check(verdict['state'] == expected, '%s: verdict %s, expected %s' % (what, verdict['state'], expected))
  return processes[0]


def in_c(test):
  bare = harness.run([test.options.program, 'marks', '8'], test.environment)
  test.check(bare.status == 0, 'C: without the agent it ends with %d' % bare.status)
  run(test, 'C, four marks', [test.options.program, 'marks', '4'], 'inconclusive')
  for n in (5, 8):
    process = run(test, 'C, %d marks' % n, [test.options.program, 'marks', str(n)], 'growth')
    if process and test.check(process['callsites'], 'C: no callsite'):
      site = process['callsites'][0]
      test.check(books.plain(site['frames'][0]['function'] or '') == 'allocate_here', 'C: %s' % site['frames'][:1])
      marks = site['evidence']['marks']
      test.check(marks == {'n': n, 'blocks_per_mark': 1.0, 'bytes_per_mark': 40.0}, 'C: %s' % marks)


def in_python(test):
  python = '/usr/bin/python3' if os.path.exists('/usr/bin/python3') else shutil.which('python3')
  script = test.write('marks.py', PYTHON.format(rounds=6))
  process = run(test, 'Python', [python, script], 'growth')
  grown = [site['evidence']['marks']['bytes_per_mark'] for site in process['callsites']
           if site['verdict']['state'] == 'growth'] if process else []
  test.check(any(99000 < size < 102000 for size in grown), 'Python: bytes per mark %s' % grown)


def outside(test):
  """Two programs that forget a line for each that they read; guardctl marks one of them, then both."""
  socket = test.path('marks.sock')
  agent = test.agent()
  environment = dict(test.environment, LD_PRELOAD=agent, GUARD_SOCKET=socket, GUARD_START_DELAY='0s',
                     GUARD_INTERVAL='100ms')
  serve = test.serve(socket)
  steps = [os.path.join(test.folder, 'steps.%d' % i) for i in range(2)]
  children = [test.start([test.options.program, 'steps', path], environment) for path in steps]

  def guardctl(*arguments):
    return harness.run([test.guardctl, *arguments], test.environment, keep=[child.pid for child in test.started])

  def step(number, paths):
    """Each of the programs forgets one more block."""
    for path in paths:
      with open(path + '.go', 'w', encoding='ascii') as file:
        file.write(str(number))
      os.rename(path + '.go', path)
    return all(harness.wait_for(lambda path=path: os.path.exists('%s.%d' % (path, number))) for path in paths)

  # An agent answers once its thread runs. Asked twice it would take a mark twice, and a setting is the same then.
  for child in children:
    answers = harness.wait_for(lambda child=child: guardctl('set', '--socket', socket, str(child.pid), 'interval=100ms').status == 0)
    test.check(answers, 'outside: the agent does not answer')
  for number in range(1, 8):
    test.check(step(number, steps), 'outside: step %d does not come' % number)
    which = ['mark', '--socket', socket] + ([str(children[0].pid)] if number <= 2 else []) + ['step']
    test.check(guardctl(*which).status == 0, 'outside: mark %d is not taken' % number)
  for child, n in zip(children, (7, 5)):
    report = test.path('outside.%d.json' % n)
    guardctl('report', '--socket', socket, '--report', 'json:' + report, str(child.pid))
    processes = test.report(report)['processes']
    if test.check(processes, 'outside: no process'):
      blamed = [site['evidence']['marks'] for site in processes[0]['callsites']
                if site['verdict']['state'] == 'growth']
      print('outside, %d marks: %s, %s' % (n, processes[0]['verdict']['state'], blamed))
      test.check([marks['n'] for marks in blamed] == [n], 'outside, %d marks: %s' % (n, blamed))
  nobody = guardctl('mark', '--socket', socket, '1')
  test.check(nobody.status == 125, 'outside: a mark for nobody ends with %d' % nobody.status)
  for child in children:
    child.kill()
    child.wait()
  serve.send_signal(signal.SIGTERM)
  test.wait(serve, 'outside: guardctl serve')


def main():
  with service.Test(__doc__) as test:
    in_c(test)
    in_python(test)
    outside(test)
    test.finish()


if __name__ == '__main__':
  main()
