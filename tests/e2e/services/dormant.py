#!/usr/bin/env python3
"""Where somebody else answers malloc the agent stays dormant, the program runs as without it, and guardctl says why."""
import os
import shutil
import subprocess

import service
from service import harness

# What the build may have made of programs/dormant.c, and what the report has to name; None: counted as any other.
PROGRAMS = {
  'plain': None,
  'own': 'allocator of its own',
  'undefined': None,
  'address_static': 'allocator of its own',
  'thread': 'ThreadSanitizer',
  'leak': 'LeakSanitizer',
}


def reasons(report, program):
  found = [process for process in report['processes'] if process['exe'] == program]
  return found[-1]['inexact_reasons'] if found else None


def same_as_bare(test, command, environment=None):
  """As Test.same_as_bare, for reports that have no figures."""
  environ = dict(test.environment, **(environment or {}))
  bare = harness.run(command, environ, folder=test.folder)
  test.wrong += harness.compare_runs(bare, harness.run(test.guarded(command), environ, folder=test.folder))
  report, complaint = harness.load_report(test.report_path)
  if complaint:
    test.wrong.append(complaint)
  return bare, report or {'processes': []}


def one_kind(test, kind, program):
  words = PROGRAMS[kind]
  environment = {'LSAN_OPTIONS': 'detect_leaks=0', 'ASAN_OPTIONS': 'detect_leaks=0'}  # it cannot run under ptrace
  bare, report = same_as_bare(test, [program], environment)
  if not test.check(bare.status == 3, '%s: the bare program: status %d, %r' % (kind, bare.status, bare.errors[-200:])):
    return
  said = reasons(report, program)
  if words is None:
    test.check(said == [], '%s: reasons %r, expected none' % (kind, said))
    return
  test.check(said and len(said) == 1 and said[0].startswith('dormant: ') and words in said[0],
             '%s: reasons %r, expected "dormant: ... %s"' % (kind, said, words))
  process = report['processes'][-1]
  test.check(process['agent']['mode'] == 'off' and process['verdict']['state'] == 'inconclusive'
             and process['end'] == {'how': 'exit', 'status': 3, 'signal': None, 'final_state': 'none'}
             and not process['callsites'], '%s: %r' % (kind, process))
  text = harness.run([test.guardctl, 'run', '--', program], dict(test.environment, **environment), folder=test.folder)
  test.check(words.encode() in text.errors, '%s: the text report does not say why: %r' % (kind, text.errors[-300:]))


def address_shared(test, program):
  """The shared library of AddressSanitizer lets nothing come before it: such a program is not started."""
  run = harness.run([test.guardctl, 'run', '--', program], test.environment, folder=test.folder)
  test.check(run.status == 125 and 'AddressSanitizer' in ''.join(run.own_lines),
             'address: status %d, %s' % (run.status, run.own_lines))
  test.check(run.output == b'', 'address: it was started')


def valgrind(test, tool, program):
  command = [tool, '-q', '--leak-check=full', program]
  bare = harness.run(command, test.environment, folder=test.folder)
  if bare.status != 3:
    print('valgrind does not work here: %r' % bare.errors[-200:])
    return
  _, report = same_as_bare(test, command)
  said = reasons(report, program)
  test.check(said and said[0].startswith('dormant: ') and 'valgrind' in said[0], 'valgrind: reasons %r' % said)


def emulator(test, program):
  bare, report = same_as_bare(test, [program, 'emulated'])
  if bare.status == harness.SKIP:
    print('no filters here')
    return
  said = reasons(report, program)
  test.check(said and said[0].startswith('dormant: ') and 'emulator' in said[0], 'emulator: reasons %r' % said)


class Asked:
  """guardctl serve, and a dormant process whose verdict is asked for."""

  def __init__(self, test, agent):
    self.test, self.agent = test, agent
    self.environment = dict(test.environment, GUARD_SOCKET=test.path('dormant.sock'))
    self.serve = test.serve(test.path('dormant.sock'))

  def ask(self, command, pid):
    return harness.run([self.test.guardctl] + command, self.environment, folder=self.test.folder,
                       keep=[self.serve.pid, pid])

  def program(self, kind, command, preload, listed='dormant'):
    environment = dict(self.environment, LD_PRELOAD=':'.join(preload + [self.agent]))
    with subprocess.Popen(command + ['hold'], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
      child.stdout.readline()
      harness.wait_for(lambda: str(child.pid) in self.ask(['ps'], child.pid).output.decode())
      lines = [line for line in self.ask(['ps'], child.pid).output.decode().splitlines() if str(child.pid) in line]
      self.test.check(lines and listed in lines[0], '%s: ps says %r' % (kind, lines))
      check = self.ask(['check', str(child.pid)], child.pid)
      self.test.check(check.status == 24 and listed.encode() in check.output, '%s: check: status %d, %r' % (
        kind, check.status, check.output))
      child.stdin.close()
      status = child.wait()
    self.test.check(status == 3, '%s: status %d under guardctl serve' % (kind, status))


def main():
  with service.Test(__doc__) as test:
    folder = os.path.dirname(os.path.abspath(test.options.program))
    built = {}
    for kind in list(PROGRAMS) + ['address']:
      path = os.path.join(folder, 'e2e_dormant_' + kind)
      if os.path.exists(path):
        built[kind] = path
      else:
        print('%s: could not be built here' % kind)
    for kind in PROGRAMS:
      if kind in built:
        one_kind(test, kind, built[kind])
    if 'address' in built:
      address_shared(test, built['address'])
    tool = shutil.which('valgrind')
    if tool:
      valgrind(test, tool, built['plain'])
    else:
      print('valgrind is not installed')
    emulator(test, built['plain'])
    asked = Asked(test, test.agent())
    asked.program('own', [built['own']], [])
    asked.program('plain', [built['plain']], [], 'inconclusive')
    jemalloc = harness.find_library('libjemalloc.so.2')
    if jemalloc:
      asked.program('jemalloc before the agent', [built['plain']], [jemalloc])
    test.wait_or_kill(asked.serve)
    test.finish()


if __name__ == '__main__':
  main()
