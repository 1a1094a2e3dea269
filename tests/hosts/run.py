#!/usr/bin/env python3
"""Runs a host program bare, with the agent preloaded, and under guardctl run; what differs is the agent's fault.

usage: run.py --guardctl GUARDCTL --agent LIBGUARD --source FILE [--library FILE]... [--limit SECONDS] PROGRAM
              [ARGUMENT]...

The program's head comment may have the lines `environment: NAME=VALUE...`, `preload: NAME...` (those of the
libraries that come after the agent) and `allocators: NAME...` (each is preloaded before and after the agent).
"""
import argparse
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, 'e2e'))
import harness  # noqa: E402


BROKEN = 99  # the status of a program that finds itself unable to show what it is for


def directives(path):
  found = {'environment': [], 'preload': [], 'allocators': []}
  with open(path, encoding='utf-8') as file:
    for line in file.read().split('*/', 1)[0].split('\n'):
      name, colon, rest = line.strip(' *\t').partition(': ')
      if colon and name in found:
        found[name] += rest.split()
  return found


def ways(options, head):
  """(name, preloads bare, preloads with the agent): the pairs that have to be equal."""
  libraries = [path for path in options.library if os.path.basename(path).split('.')[0] in head['preload']]
  yield 'preload', libraries, [options.agent] + libraries
  for name in head['allocators']:
    library = harness.find_library(name)
    if library:
      yield name + ' after the agent', [library], [options.agent, library]
      yield name + ' before the agent', [library], [library, options.agent]


class Runner:
  def __init__(self, options, folder):
    self.options, self.folder = options, folder
    self.head = directives(options.source)

  def run(self, preloads, guarded=False):
    environ = harness.environment(self.folder)
    environ.update(setting.split('=', 1) for setting in self.head['environment'])
    command = [self.options.program] + self.options.arguments
    if preloads:
      environ['LD_PRELOAD'] = ':'.join(preloads)
    if guarded:
      environ['HOSTS_CONNECTED'] = '1'
      command = [self.options.guardctl, 'run', '--report', 'json:/dev/null', '--'] + command
    return harness.run(command, environ, limit=self.options.limit, folder=self.folder)

  def compare(self, name, bare, other):
    return ['%s: %s' % (name, line) for line in harness.compare_runs(bare, other)]

  def all(self):
    wrong = []
    bare = None
    for name, without, together in ways(self.options, self.head):
      bare = self.run(without)
      if bare.status == harness.SKIP:
        return None
      if b'hangs' in bare.output or bare.status == BROKEN or bare.status >= 124:
        return ['the bare program itself fails: %r' % bare.output]
      wrong += self.compare(name, bare, self.run(together))
      if name == 'preload':
        wrong += self.compare('guardctl', bare, self.run(without, guarded=True))
    return wrong


def main():
  parser = argparse.ArgumentParser()
  parser.add_argument('--guardctl', required=True)
  parser.add_argument('--agent', required=True)
  parser.add_argument('--source', required=True)
  parser.add_argument('--library', action='append', default=[])
  parser.add_argument('--limit', type=float, default=200)
  parser.add_argument('program')
  parser.add_argument('arguments', nargs=argparse.REMAINDER)
  options = parser.parse_args()
  for name in ('guardctl', 'agent', 'program'):
    setattr(options, name, os.path.abspath(getattr(options, name)))
  options.arguments = [os.path.abspath(word) if os.path.exists(word) else word for word in options.arguments]
  options.library = [os.path.abspath(path) for path in options.library]
  harness.adopt_orphans()
  with tempfile.TemporaryDirectory(prefix='guard-hosts-') as folder:
    options.agent = os.environ['GUARD_AGENT'] = harness.for_all_users(options.agent, folder)
    wrong = Runner(options, folder).all()
  harness.kill_leftovers()
  if wrong is None:
    print('the program cannot be tried here')
    sys.exit(harness.SKIP)
  for line in wrong:
    print(line)
  sys.exit(1 if wrong else 0)


if __name__ == '__main__':
  main()
