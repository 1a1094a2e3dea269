#!/usr/bin/env python3
"""Sockets that are traps: the guarded program does not notice, guardctl says what is wrong and ends.

As an analyzer for the agent and as a server for guardctl's questions: one that never accepts, one that accepts and
never reads, one that answers garbage, one that never stops talking, one that reads a little at a time. As a path to
listen on: files, links, directories of others; those of other users only where the test runs as root.
"""
import os
import socket
import struct
import subprocess
import threading
import time

import service
from service import harness

SLOW_MOST = 10  # frames of the last state, which has twenty, read in as many seconds: the agent waits a tenth of one


def frame(kind, body=b''):
  return struct.pack('<IIHHIQ', 0x31445247, 24 + len(body), kind, 0, 0, 1) + body


class Trap:
  """A listening socket and a thread that misbehaves on every connection."""

  def __init__(self, path, behaviour):
    self.path, self.behaviour, self.connections, self.frames, self.stop = path, behaviour, 0, 0, False
    self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    self.socket.bind(path)
    self.socket.listen(0 if behaviour == 'deaf' else 64)
    self.socket.settimeout(0.05)
    self.filled, self.threads = [], []
    if behaviour == 'deaf':
      self.fill()
    else:
      self.start(self.accept)

  def start(self, *call):
    self.threads.append(threading.Thread(target=call[0], args=call[1:], daemon=True))
    self.threads[-1].start()

  def fill(self):
    """Takes the places in the queue, so that a further connection has to wait."""
    while True:
      client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
      client.setblocking(False)
      try:
        client.connect(self.path)
      except BlockingIOError:
        client.close()
        return
      self.filled.append(client)

  def accept(self):
    while not self.stop:
      try:
        connection, _ = self.socket.accept()
      except OSError:
        continue
      self.connections += 1
      self.start(self.misbehave, connection)

  def misbehave(self, connection):
    try:
      while not self.stop:
        if self.behaviour == 'garbage':
          connection.send(os.urandom(200))
          connection.send(frame(17, struct.pack('<HHI', 11, 0, 0xfffffff0)))
          connection.recv(1 << 17)
        elif self.behaviour == 'flood':
          connection.send(frame(16))
        elif self.behaviour == 'slow':
          self.frames += bool(connection.recv(1 << 17))
          time.sleep(1)
        else:
          time.sleep(0.05)
    except OSError:
      pass
    connection.close()

  def close(self):
    self.stop = True
    for thread in self.threads:
      thread.join(5)  # one that outlives the interpreter may crash it
    self.socket.close()
    for client in self.filled:
      client.close()
    os.unlink(self.path)


def environment_with(test, path):
  agent = test.agent()
  return dict(test.environment, EXPECT=test.path('expect'), LD_PRELOAD=agent, GUARD_SOCKET=path, GUARD_INTERVAL='20ms', GUARD_START_DELAY='0s')


def as_analyzer(test, command, bare):
  for behaviour in ('deaf', 'mute', 'garbage', 'flood', 'slow'):
    trap = Trap(test.path(behaviour), behaviour)
    environment = environment_with(test, trap.path)
    if behaviour == 'slow':
      environment.update(GUARD_START_DELAY='1h')
    run = harness.run(command, environment, folder=test.folder)
    test.wrong += ['%s analyzer: %s' % (behaviour, line) for line in harness.compare_runs(bare, run)]
    test.check(behaviour == 'deaf' or harness.wait_for(lambda trap=trap: trap.connections > 0), '%s analyzer: the agent never came' % behaviour)
    test.check(trap.frames < SLOW_MOST, 'slow analyzer: the program has waited for %d frames' % trap.frames)
    print('%s analyzer: %d frames, %.2f s, bare %.2f s' % (behaviour, trap.frames, run.seconds,
                                                                     bare.seconds))
    trap.close()


def as_server(test):
  for behaviour in ('deaf', 'mute', 'garbage', 'flood'):
    trap = Trap(test.path(behaviour), behaviour)
    for question in (['ps', '--socket', trap.path], ['check', '--socket', trap.path, '1']):
      if behaviour in ('deaf', 'mute') and question[0] == 'check':
        continue  # each of them is waited for, and once is enough
      run = harness.run([test.guardctl] + question, test.environment, folder=test.folder)
      test.check(run.status == 125 and any(trap.path in line for line in run.own_lines), '%s server: %s: status %d, %r' % (behaviour, question[0], run.status, run.own_lines))
    trap.close()


def refused(test, what, path, words, environment=None, command=None):
  """guardctl serve must not listen there."""
  run = harness.run((command or []) + [test.guardctl, 'serve'] + (['--socket', path] if path else []),
                    environment or test.environment, folder=test.folder)
  said = ' '.join(run.own_lines)
  test.check(run.status == 125 and any(word in said for word in words), '%s: status %d, %s' % (what, run.status, said))


def paths(test):
  target = test.write('file', 'precious')
  refused(test, 'a file in the place of the socket', target, ['no socket'])
  os.symlink(target, test.path('link'))
  refused(test, 'a link in the place of the socket', test.path('link'), ['no socket'])
  os.symlink(test.path('nowhere'), test.path('dangling'))
  refused(test, 'a link to nothing', test.path('dangling'), ['no socket'])
  test.check(not os.path.exists(test.path('nowhere')), 'a socket was made behind a link')
  with open(target, encoding='ascii') as file:
    test.check(file.read() == 'precious', 'the file behind the link was changed')
  trap = Trap(test.path('taken'), 'mute')
  refused(test, 'a socket on which somebody listens', trap.path, ['listens'])
  trap.close()


def default_directory(test):
  """/tmp/guard-UID of a user who has none, laid out by somebody else."""
  if os.getuid() != 0:
    return
  uid = next(n for n in range(61234, 65000) if not os.path.lexists('/tmp/guard-%d' % n))
  directory = '/tmp/guard-%d' % uid
  os.chmod(test.folder, 0o755)
  environment = {name: value for name, value in test.environment.items() if name != 'XDG_RUNTIME_DIR'}
  guardctl = harness.for_all_users(test.guardctl, test.folder)

  def serve(what):
    child = subprocess.Popen([guardctl, 'serve'], env=environment, user=uid, group=uid, extra_groups=[],
                             stderr=subprocess.PIPE, cwd='/')
    try:
      _, errors = child.communicate(timeout=100)
    except subprocess.TimeoutExpired:
      child.kill()
      _, errors = child.communicate()
    test.check(child.returncode == 125 and b'directory' in errors, '%s: status %s, %r' % (what, child.returncode, errors))

  os.mkdir(directory, 0o700)
  serve('a directory of somebody else')
  os.rmdir(directory)
  os.mkdir(directory)
  os.chown(directory, uid, uid)
  os.chmod(directory, 0o777)
  serve('a directory open to all')
  os.rmdir(directory)
  os.symlink(test.folder, directory)
  serve('a link in the place of the directory')
  os.unlink(directory)


def main():
  with service.Test(__doc__) as test:
    command = [test.options.program]
    bare = harness.run(command, dict(test.environment, EXPECT=test.path('expect')), folder=test.folder)
    test.check(bare.status == 0, 'bare: status %d' % bare.status)
    as_analyzer(test, command, bare)
    as_server(test)
    paths(test)
    default_directory(test)
    test.finish()


if __name__ == '__main__':
  main()
