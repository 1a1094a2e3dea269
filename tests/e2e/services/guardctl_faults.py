#!/usr/bin/env python3
"""guardctl in trouble: disks that are full, limits, descriptors that are closed, SIGKILL. The command runs on as bare.

usage: guardctl_faults.py --guardctl GUARDCTL --program E2E_SERVICE
"""
import os
import resource
import signal
import subprocess
import time

import service
from service import harness

SMALL = 20000  # bytes: less than a recording, more than its first frame


class Limited:
  """The test's own limit on file sizes, which what it starts inherits."""

  def __enter__(self):
    self.before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (SMALL, self.before[1]))

  def __exit__(self, *_):
    resource.setrlimit(resource.RLIMIT_FSIZE, self.before)


def run(test, options, command, **more):
  with subprocess.Popen([test.guardctl, 'run'] + options + ['--'] + command, env=test.environment, cwd=test.folder,
                        stdin=subprocess.DEVNULL, stdout=more.pop('stdout', subprocess.PIPE), stderr=subprocess.PIPE,
                        **more) as child:
    try:
      output, errors = child.communicate(timeout=200)
    except subprocess.TimeoutExpired:
      child.kill()
      output, errors = child.communicate()
  return child.returncode, output, errors.decode(errors='replace')


def full(test):
  hello = ['sh', '-c', 'echo hello; exit 5']
  fine = ['sh', '-c', 'echo hello']
  status, output, errors = run(test, ['-o', '/dev/full', '--report', 'json:' + test.path('r.json')], hello)
  test.check(status == 5 and output == b'hello\n', 'recording on a full disk: status %d, %r' % (status, output))
  test.check('/dev/full' in errors and 'No space' in errors, 'recording on a full disk: said %r' % errors)
  test.check(len(test.report(test.path('r.json'))['processes']) >= 1, 'recording on a full disk: no report')
  status, output, errors = run(test, ['--report', 'json:/dev/full'], fine)
  test.check(status == 125 and output == b'hello\n' and 'No space' in errors,
             'report on a full disk: status %d, %r, %r' % (status, output, errors))
  status, output, errors = run(test, ['--report', 'text:/dev/full'], hello)
  test.check(status == 5 and 'No space' in errors, "report on a full disk: the command's status is %d" % status)
  with open('/dev/full', 'wb') as stdout:
    status, _, errors = run(test, ['--report', 'json:-'], ['true'], stdout=stdout)
  test.check(status == 125 and 'No space' in errors, 'standard output on a full disk: status %d, %r' % (status, errors))


def limits(test):
  """A file may not grow: the recording ends with its last whole frame, an old report stays."""
  recording, report = test.path('small.guard'), test.write('old.json', 'old report')
  many = ['sh', '-c', 'for i in 1 2 3 4 5 6 7 8; do ls / >/dev/null; done; exit 5']
  with Limited():
    status, _, errors = run(test, ['-o', recording, '--report', 'json:' + report], many)
  test.check(status == 5, 'a limit on files: status %d, %s' % (status, errors))
  test.check('small.guard' in errors and 'old.json' in errors, 'a limit on files: said %r' % errors)
  with open(report, encoding='ascii') as file:
    test.check(file.read() == 'old report', 'the old report was spoilt')
  test.check(not os.path.exists(report + '.tmp'), 'half a report was left behind')
  size = os.path.getsize(recording)
  again = harness.run([test.guardctl, 'report', '--report', 'json:' + test.path('again.json'), recording],
                      test.environment, folder=test.folder)
  test.check(0 < size <= SMALL and again.status == 0 and not again.own_lines,
             'a recording of %d bytes: status %d, %s' % (size, again.status, again.own_lines))


def closed(test):
  """Without stdin, stdout and stderr none of guardctl's own descriptors may take their place."""
  path = test.path('closed.json')
  script = 'exec "$0" run --report json:%s -- sh -c "ls -l /proc/self/fd | grep -c [0-9] >%s; exit 7" <&- >&- 2>&-' % (
    path, test.path('count'))
  status = subprocess.run(['sh', '-c', script, test.guardctl], env=test.environment, cwd=test.folder, timeout=200,
                          check=False).returncode
  test.check(status == 7, 'without descriptors: status %d' % status)
  test.check(test.report(path)['processes'], 'without descriptors: no report')
  no_place = dict(test.environment, TMPDIR='/nonexistent')
  child = harness.run([test.guardctl, 'run', '--', 'sh', '-c', 'exit 3'], no_place, folder=test.folder)
  test.check(child.status == 3, 'no TMPDIR: status %d, %s' % (child.status, child.own_lines))


def killed(test):
  """guardctl is killed: the command works on and ends as bare."""
  environment = dict(test.environment, EXPECT=test.path('expect'), GUARD_INTERVAL='20ms', GUARD_START_DELAY='0s')
  child = test.start([test.guardctl, 'run', '--', test.options.program], environment)
  pids = harness.wait_for(lambda: [p for p in harness.children_of(child.pid) if 'service' in (harness.name_of(p) or '')])
  if not test.check(pids, 'killed: the command was not started'):
    return
  time.sleep(0.5)
  child.kill()
  child.wait()
  size = os.path.getsize(child.output_path)
  test.check(harness.wait_for(lambda: os.path.getsize(child.output_path) > size + 20),
             'killed: the command does not work on')
  os.kill(pids[0], signal.SIGTERM)  # an orphan, so ours by now
  _, status = os.waitpid(pids[0], 0)
  test.check(os.waitstatus_to_exitcode(status) == 0, 'killed: the command ended with %d' % status)
  with open(child.errors_path, encoding='utf-8', errors='replace') as file:
    errors = [line for line in file if not line.startswith('guardctl: ')]
  test.check(not errors, 'killed: stderr %r' % errors)


def main():
  with service.Test(__doc__) as test:
    for part in (full, limits, closed, killed):
      part(test)
    test.finish()


if __name__ == '__main__':
  main()
