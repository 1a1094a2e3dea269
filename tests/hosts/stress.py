#!/usr/bin/env python3
"""The storms of tests/hosts/, again and again: forks, libraries, exceptions, signals, cancellations, threads.

usage: stress.py BUILD [REPETITIONS]

Each storm runs that often (100), a fifth as long as in the tests, in turns with the agent preloaded and under
guardctl run, and has to do what it does bare. Then 100,000 short threads in one process, and each system call of the
agent fails once. The closing line says how many runs there were and how many went wrong; a hang is wrong.
"""
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(HERE, os.pardir, 'e2e'))
import harness  # noqa: E402
import run  # noqa: E402

STORMS = ('fork_torture.c', 'fork_handlers.c', 'other_forks.c', 'plugins.c', 'throws.cc', 'signal_storm.c', 'jumps.c',
          'handler_first.c', 'cancels.c', 'cancels_anywhere.c', 'thread_ends.cc', 'short_threads.c')
ARGUMENTS = {'plugins.c': ['host_plugin.so', 'host_plugin_kept.so']}
LIMIT = 240  # of one run; the longest takes two seconds where nothing else runs
SHORT, LONG = '20', '500'


class Storm:
  def __init__(self, build, source, share):
    folder = os.path.join(build, 'tests', 'hosts')
    self.name = source.split('.')[0]
    self.head = run.directives(os.path.join(HERE, source))
    self.head['environment'].append('HOSTS_SHARE=' + share)
    self.libraries = [os.path.join(folder, name + '.so') for name in self.head['preload']]
    self.command = [os.path.join(folder, 'host_' + self.name)]
    self.command += [os.path.join(folder, name) for name in ARGUMENTS.get(source, [])]
    self.agent = os.path.join(build, 'agent', 'libguard.so')
    self.guardctl = [os.path.join(build, 'analyzer', 'guardctl'), 'run', '--report', 'json:/dev/null', '--']

  def start(self, folder, way):
    environ = harness.environment(folder)
    environ.update(setting.split('=', 1) for setting in self.head['environment'])
    preloads = ([self.agent] if way == 'preload' else []) + self.libraries
    if preloads:
      environ['LD_PRELOAD'] = ':'.join(preloads)
    command = (self.guardctl if way == 'guardctl' else []) + self.command
    return harness.run(command, environ, limit=LIMIT, folder=folder)

  def repeat(self, folder, times):
    """The number of runs that went wrong."""
    print(self.name, end=': ', flush=True)
    bare = self.start(folder, 'bare')
    failed = 0
    for i in range(times):
      wrong = harness.compare_runs(bare, self.start(folder, ('preload', 'guardctl')[i % 2]))
      failed += bool(wrong)
      for line in wrong:
        print('\n    repetition %d: %s' % (i + 1, line), end='', flush=True)
    print('\n%s: ' % self.name if failed else '', '%d of %d went wrong' % (failed, times), sep='', flush=True)
    return failed


def faults(build):
  """The walk through the agent's system calls, each one by one, with and without threads: how many of the two failed."""
  folder = os.path.join(build, 'tests', 'faults')
  command = [sys.executable, os.path.join(HERE, os.pardir, 'faults', 'walk.py'), '--long', '--guardctl',
             os.path.join(build, 'analyzer', 'guardctl'), '--inject', os.path.join(folder, 'faults_inject'),
             os.path.join(folder, 'faults_program')]
  return sum(subprocess.run(command + more, check=False).returncode not in (0, harness.SKIP)
             for more in ([], ['threads']))


def main():
  build = os.path.abspath(sys.argv[1])
  times = int(sys.argv[2]) if len(sys.argv) > 2 else 100
  failed = 0
  harness.adopt_orphans()
  with tempfile.TemporaryDirectory(prefix='guard-stress-') as folder:
    for source in STORMS:
      failed += Storm(build, source, SHORT).repeat(folder, times)
    failed += Storm(build, 'short_threads.c', LONG).repeat(folder, 2)
  failed += faults(build)
  print('stress: %d runs, %d wrong' % (len(STORMS) * times + 4, failed))
  sys.exit(1 if failed else 0)


if __name__ == '__main__':
  main()
